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
    /// The one that this runner belongs to. Cargo says it at run time, so that a copied tree works
    /// with its own files; started by hand, the runner looks where it was compiled.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let compiled_in = env!("CARGO_MANIFEST_DIR");
        let manifest_dir = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| compiled_in.into());
        let root = Path::new(&manifest_dir)
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file())
            .context("the workbook's folder is gone; run `cargo xtask` inside of it")?;
        Ok(Workspace { root: root.into() })
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

/// Cargo's target folder: the folder that `CARGO_TARGET_DIR` names, or the one that this runner was
/// started from.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    if let Some(named) = named.filter(|named| named.is_absolute()) {
        return Ok(named);
    }
    let me = env::current_exe().context("the path of this program is unknown")?;
    let profile = me.parent().context("this program lies in no folder")?;
    Ok(profile.parent().unwrap_or(profile).into())
}
