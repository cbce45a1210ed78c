//! Files, read and written: whole or not at all.
//!
//! A file that is written replaces the one that was there at once, or is not there: never half of it. Links are
//! followed; a device or a pipe is written to. Readers of a format take bytes, so that no other room knows files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Place, Result};

mod whole;

/// The bytes of a file.
///
/// A large file is read in several places at once: most of the time goes into memory that is touched first.
///
/// # Errors
/// It cannot be read, or there is no memory for it.
#[cfg(unix)]
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    use std::io::Read;
    use std::os::unix::fs::FileExt;

    use rayon::prelude::*;

    const PART: usize = 1 << 20;
    let mut file = fs::File::open(path)?;
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    // Pipes and devices have no length.
    if length <= PART {
        let mut bytes = Vec::new();
        return file.read_to_end(&mut bytes).map(|_| bytes);
    }
    // Asked for first, since `vec!` ends the program where there is no room.
    Vec::<u8>::new().try_reserve_exact(length)?;
    let mut bytes = vec![0; length];
    let parts = bytes.par_chunks_mut(PART).enumerate();
    parts.try_for_each(|(i, part)| file.read_exact_at(part, (i * PART) as u64))?;
    Ok(bytes)
}

/// The bytes of a file.
///
/// # Errors
/// It cannot be read.
#[cfg(not(unix))]
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// The bytes of a file, with its name for messages.
///
/// # Errors
/// It cannot be read.
pub(crate) fn named(path: &Path) -> Result<(Vec<u8>, String)> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|error| Error::io(&name, "read", &error))?;
    Ok((bytes, name))
}

/// What a name leads to: links are followed, also one whose file is still to be made.
///
/// # Errors
/// It is no name of a file, or its folder is missing.
pub fn target(path: impl AsRef<Path>) -> Result<PathBuf> {
    let path = path.as_ref();
    let name = path.display().to_string();
    if matches!(name.as_str(), "" | "-") {
        return Err(Error::new("the name of a file to write", format!("{name:?}")));
    }
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let error = Error::message("cannot write: it is a folder");
            Err(error.at(Place::File(name)).hint("give the name of a file in it"))
        }
        Ok(metadata) if metadata.is_file() => {
            Ok(fs::canonicalize(path).unwrap_or_else(|_| path.into()))
        }
        // A device or a pipe.
        Ok(_) => Ok(path.into()),
        Err(_) => not_yet_there(path).map_err(|error| failed(&name, error)),
    }
}

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

fn not_yet_there(path: &Path) -> io::Result<PathBuf> {
    let mut target = PathBuf::from(path);
    for _ in 0..MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else { break };
        target = folder_of(&target).join(next);
    }
    let folder = fs::canonicalize(folder_of(&target))?;
    // A name that ends in `..` or `/` is a folder's.
    let name = target.file_name().filter(|_| !path.to_string_lossy().ends_with('/'));
    let name = name.ok_or(io::ErrorKind::IsADirectory)?;
    Ok(folder.join(name))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn write(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let target = target(path)?;
    // A device or pipe cannot be replaced by renaming.
    let written = if target.exists() && !target.is_file() {
        fs::write(target, bytes)
    } else {
        whole::write(&target, folder_of(&target), bytes, true)
    };
    written.map_err(|error| failed(&path.display().to_string(), error))
}

/// Writes a file that is not there yet; false if there is one, which stays as it is.
///
/// # Errors
/// It cannot be written.
pub fn create(path: impl AsRef<Path>, bytes: &[u8]) -> Result<bool> {
    let path = path.as_ref();
    if fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    let target = target(path)?;
    match whole::write(&target, folder_of(&target), bytes, false) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(&path.display().to_string(), error)),
    }
}

/// Makes the folder of that name, if it is not there.
///
/// # Errors
/// It has the name of a file, or cannot be made.
pub fn make_folder(path: &str) -> Result<()> {
    let hint = match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some(extension @ ("html" | "htm" | "md" | "pdf" | "csv" | "json"))
            if !Path::new(path).is_dir() =>
        {
            let found = format!("{path:?}, a file's name that ends in .{extension}");
            return Err(Error::new("the name of a folder", found));
        }
        _ if Path::new(path).is_file() => "this is a file; give the name of a folder",
        _ => "give the name of a folder that can be made here",
    };
    fs::create_dir_all(path).map_err(|error| {
        Error::message(format!("cannot make the folder: {error}"))
            .at(Place::File(path.to_string()))
            .hint(hint)
    })
}

fn failed(path: &str, error: io::Error) -> Error {
    use io::ErrorKind::{
        IsADirectory, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull,
    };
    let hint = match error.kind() {
        NotFound => "the folder must exist",
        IsADirectory => "give the name of a file in it",
        NotADirectory => "what stands before the last / must be a folder",
        PermissionDenied | ReadOnlyFilesystem => "write to a folder of your own",
        StorageFull => "there is no room left where it was to go",
        _ => "",
    };
    // Without the name of a temporary file that nobody asked for.
    let error = if error.raw_os_error().is_none() { error.kind().into() } else { error };
    Error::io(path, "write", &error).hint(hint)
}
