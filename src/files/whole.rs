//! A file is written whole or not at all, and a run that is killed leaves nothing half-written behind.
//!
//! On Linux the bytes go to a file without a name, which vanishes with the process, and only the whole file
//! gets one. Where there are no such files it is a temporary file beside the target, then renamed. A target
//! that exists is replaced by renaming in both cases, since only that is done at once; so there a kill
//! between two system calls can leave the whole file under another name.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::Path;

/// Writes `target`, which lies in `folder`.
///
/// # Errors
/// It cannot be written, or exists and is not to be replaced.
pub fn write(target: &Path, folder: &Path, bytes: &[u8], replace: bool) -> io::Result<()> {
    let replaced = fs::metadata(target).ok().map(|metadata| metadata.permissions());
    #[cfg(target_os = "linux")]
    if unnamed::write(target, folder, bytes, replaced.as_ref(), replace)? {
        return Ok(());
    }
    named(target, folder, bytes, replaced, replace)
}

fn named(
    target: &Path,
    folder: &Path,
    bytes: &[u8],
    replaced: Option<Permissions>,
    replace: bool,
) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file; temporary ones are private.
        builder.permissions(Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    if let Some(permissions) = replaced {
        file.as_file().set_permissions(permissions)?;
    }
    if replace {
        file.persist(target)?
    } else {
        file.persist_noclobber(target)?
    };
    Ok(())
}

const PREFIX: &str = ".circuit2tf-";

#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::{File, OpenOptions, Permissions};
    use std::io::{self, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, OFlags, linkat};

    /// Whether it was written: false where there are no unnamed files, or no /proc to name one by.
    pub fn write(
        target: &Path,
        folder: &Path,
        bytes: &[u8],
        replaced: Option<&Permissions>,
        replace: bool,
    ) -> io::Result<bool> {
        let mut options = OpenOptions::new();
        options.write(true).mode(0o666).custom_flags(OFlags::TMPFILE.bits() as i32);
        let Ok(mut file) = options.open(folder) else { return Ok(false) };
        file.write_all(bytes)?;
        if let Some(permissions) = replaced {
            file.set_permissions(permissions.clone())?;
        }
        match link(&file, target) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && replace => {
                let mut builder = tempfile::Builder::new();
                let beside =
                    builder.prefix(super::PREFIX).make_in(folder, |path| link(&file, path))?;
                beside.persist(target)?;
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }

    fn link(file: &File, path: &Path) -> io::Result<()> {
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is used where there are no unnamed files does the same.
    #[test]
    fn the_named_way_writes_replaces_and_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, target) = (folder.path(), folder.path().join("x"));
        for way in [named, |t: &Path, f: &Path, b: &[u8], _, r| write(t, f, b, r)] {
            way(&target, folder, b"one", None, true).unwrap();
            way(&target, folder, b"two", None, true).unwrap();
            let error = way(&target, folder, b"three", None, false).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&target).unwrap(), b"two");
            assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
            fs::remove_file(&target).unwrap();
            way(&target, folder, b"three", None, false).unwrap();
            fs::remove_file(&target).unwrap();
        }
    }
}
