//! A full disk refuses batches for as long as it is full, and harms nothing.

use std::fs::{self, File, OpenOptions};

use logboom_tests::{Config, Site, Tmpfs, batch};
use rustix::fs::{FallocateFlags, fallocate};

use super::acme;

/// Room for the two segments in hand and a floor.
const DISK_BYTES: u64 = 200 << 20;
/// So much of it is taken away: what is left is below the floor, 5 % of the disk.
const BALLAST_BYTES: u64 = 68 << 20;

#[test]
fn a_full_disk_refuses_batches_until_there_is_space_again() {
    let site = Site::new(crate::PROGRAM, &Config::default());
    let Some(disk) = Tmpfs::mount(site.path("data"), DISK_BYTES) else {
        eprintln!("skipped: mounting a small file system to fill it takes root");
        return;
    };
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let mut produce =
        |value: &str| client.produce("web", 0, batch([value])).expect("the connection lives");
    assert_eq!(produce("while there is space"), Ok(0));

    let ballast = disk.path().join("ballast");
    let file: File =
        OpenOptions::new().write(true).create_new(true).open(&ballast).expect("a file");
    fallocate(&file, FallocateFlags::empty(), 0, BALLAST_BYTES).expect("so much is free");
    drop(file);
    // The server looks at the disk now and then.
    let refused = loop {
        if let Err(error) = produce("into what is left") {
            break error;
        }
    };
    assert_eq!(refused.code, 56, "an error that clients answer by sending again: {refused:?}");
    assert!(refused.message.contains("[LB0702]"), "{refused:?}");
    let _event = server.wait_for_code("LB0702");
    assert_eq!(site.read("acme/web")[0].content(), "while there is space");

    fs::remove_file(&ballast).expect("it is there");
    while produce("with space again").is_err() {}
    let _events = server.stop();
    let logs = site.read("acme/web");
    assert_eq!(logs.last().map(|log| log.content()), Some("with space again"));
    assert_eq!(logs.last().map(|log| log.offset + 1), Some(logs.len() as u64));
    drop(disk);
}
