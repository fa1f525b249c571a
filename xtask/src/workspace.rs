//! Where things are: one place that knows the paths of the house.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// The workbook's folder: the learner's, or the copy in which the maintainer's checks break it.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The folder that holds the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
}

impl Workspace {
    /// The workbook that this runner belongs to. Cargo says it at run time, so that a copied or
    /// renamed tree works with its own files; started by hand, the runner looks around itself.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let places = [manifest_dir, env::current_dir().ok(), env::current_exe().ok()];
        let root = places.iter().flatten().find_map(|place| root_above(place));
        Ok(Workspace { root: root.context("no workbook here; run `cargo xtask` inside of it")? })
    }

    /// `path`, which is relative to the root, on this machine.
    pub(crate) fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// Whether the workbook has this file or folder yet.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> bool {
        self.at(path).exists()
    }

    /// The text of the file at `path`.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> anyhow::Result<String> {
        let path = path.as_ref();
        fs::read_to_string(self.at(path))
            .with_context(|| format!("{} can't be read", path.display()))
    }

    /// Writes the file at `path`, and the folders above it.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: &str) -> anyhow::Result<()> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(self.at(folder))
                .with_context(|| format!("{} can't be created", folder.display()))?;
        }
        fs::write(self.at(path), text)
            .with_context(|| format!("{} can't be written", path.display()))
    }

    /// Writes the file at `path` whole, or leaves it as it was: a full disk takes nothing away.
    pub(crate) fn replace(&self, path: impl AsRef<Path>, bytes: &[u8]) -> anyhow::Result<()> {
        let path = path.as_ref();
        // The file itself, if a link leads to it.
        let there = self.at(path).canonicalize().unwrap_or_else(|_| self.at(path));
        let name = there.file_name().context("a file has a name")?.to_string_lossy().into_owned();
        let new = there.with_file_name(format!(".{name}.{}.new", std::process::id()));
        let folder = there.parent().context("a file lies in a folder")?;
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&new, bytes))
            .and_then(|()| fs::rename(&new, &there));
        if written.is_err() {
            let _ = fs::remove_file(&new);
        }
        written.with_context(|| format!("{} can't be written", path.display()))
    }

    /// The files of the folder at `path` whose names end in `ending`, sorted, relative to the root.
    pub(crate) fn files(&self, path: &str, ending: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.at(path)) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(ending))
            .map(|name| Path::new(path).join(name))
            .collect();
        files.sort();
        files
    }
}

fn root_above(place: &Path) -> Option<PathBuf> {
    let mut folders = place.ancestors();
    folders.find(|folder| folder.join("xtask/Cargo.toml").is_file()).map(Path::to_path_buf)
}

/// Cargo's target folder: the folder that `CARGO_TARGET_DIR` names, or the folder that this runner
/// was started from.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    if let Some(named) = named.filter(|named| named.is_absolute()) {
        return Ok(named);
    }
    let me = env::current_exe().context("the path of this program is unknown")?;
    let profile = me.parent().context("this program lies in no folder")?;
    Ok(profile.parent().unwrap_or(profile).into())
}
