use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Others on the machine have no business with logs.
const MODE: u32 = 0o750;

/// Creates a directory, and those above it that are missing, so that they are still there after a
/// power cut.
pub(super) fn create(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() {
        return Ok(());
    }
    let parent = directory.parent().unwrap_or(Path::new("/"));
    if directory.exists() {
        // Whoever made it may have been killed before its name was durable. Where somebody else
        // made it, the parent may be none of our business.
        let _ = sync(parent);
        return Ok(());
    }
    create(parent)?;
    match DirBuilder::new().mode(MODE).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created?,
    }
    sync(parent)
}

fn sync(directory: &Path) -> io::Result<()> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn every_missing_level_is_made_and_what_is_there_is_left_alone() {
        let top = tempfile::tempdir().expect("a directory");
        let deep = top.path().join("a/b/c");
        for _ in 0..2 {
            create(&deep).expect("it can be made");
            let mode = std::fs::metadata(&deep).expect("it is there").permissions().mode();
            assert_eq!(mode & 0o007, 0);
        }
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let top = tempfile::tempdir().expect("a directory");
        let file = top.path().join("file");
        std::fs::write(&file, "").expect("it can be written");
        assert!(create(&file.join("below")).is_err());
    }
}
