//! One daemon for each data folder.

use std::{
    fs::{self, File, TryLockError},
    io::{Read, Write},
    path::Path,
};

use anyhow::{Context, bail};

/// Held as long as the daemon runs; the system lets go of it whatever happens.
#[derive(Debug)]
pub struct FolderLock(#[expect(dead_code, reason = "held, never read")] File);

impl FolderLock {
    /// Takes the folder, making it where it is missing.
    pub fn take(data: &Path) -> anyhow::Result<FolderLock> {
        let folder = data.display();
        fs::create_dir_all(data)
            .with_context(|| format!("the data folder {folder} cannot be made; check its parent's permissions or set store.data"))?;
        let path = data.join("lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("the data folder {folder} is not writable; check its permissions or set store.data"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another jarshy{} serves the data folder {folder}; stop it or set another store.data",
                holder(&mut file)
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} cannot be locked", path.display()));
            }
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(FolderLock(file))
    }
}

/// ` (process 123)`, where the lock says so.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.read_to_string(&mut text);
    match (read, text.trim().parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!(" (process {pid})"),
        _ => String::new(),
    }
}
