//! Which files a process has open.

use std::{fs, path::PathBuf};

/// What the descriptors of the process `pid` lead to. Empty when it is gone.
#[must_use]
pub fn open_files(pid: u32) -> Vec<PathBuf> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok()).collect()
}
