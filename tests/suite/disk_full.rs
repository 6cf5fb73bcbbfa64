//! A full disk refuses batches for as long as it is full, and harms nothing.

use std::io::Write as _;

use logboom_tests::{Config, Site, Tmpfs, batch, eventually};

use super::acme;

/// Room for the two segments in hand, and more.
const DISK_BYTES: u64 = 200 << 20;
/// Below what the server keeps free, 5 % of the disk.
const LEFT_BYTES: u64 = 4 << 20;

/// Room for two segments in hand, one that is ended, and a little more.
const SMALL_DISK_BYTES: u64 = 240 << 20;
const MIB: u64 = 1 << 20;

#[test]
fn a_full_disk_refuses_batches_until_there_is_space_again() {
    let site = Site::new(crate::PROGRAM, &Config::default());
    let Some(disk) = small_disk(&site, DISK_BYTES) else { return };
    let server = site.serve();
    let mut client = server.public(&site).login(&acme());
    let mut produce =
        |value: &str| client.produce("web", 0, batch([value])).expect("the connection lives");
    assert_eq!(produce("while there is space"), Ok(0));

    // The server may just be taking space, and give it back when it does not get enough.
    let (ballast, refused) = eventually("a full disk", || {
        let ballast = disk.fill(LEFT_BYTES);
        produce("into what is left").err().map(|refused| (ballast, refused))
    });
    assert_eq!(refused.code, 56, "an error that clients answer by sending again: {refused:?}");
    assert!(refused.message.contains("[LB0702]"), "{refused:?}");
    let _event = server.wait_for_code("LB0702");
    assert_eq!(site.read("acme/web")[0].content(), "while there is space");

    std::fs::remove_file(&ballast).expect("it is there");
    let offset = produce("with space again").expect("there is space");
    let _events = server.stop();
    let logs = site.read("acme/web");
    let last = logs.last().expect("there are logs");
    assert_eq!((last.offset, last.content()), (offset, "with space again"));
    assert_eq!(logs.len() as u64, offset + 1);
}

#[test]
fn what_has_expired_makes_room_as_soon_as_the_disk_is_full() {
    let site = Site::new(crate::PROGRAM, &Config::default());
    let Some(_disk) = small_disk(&site, SMALL_DISK_BYTES) else { return };
    let text = site.text("logboom.toml");
    let web = "name = \"web\"\n";
    site.write("logboom.toml", &text.replace(web, &format!("{web}retention_bytes = \"1 MiB\"\n")));
    let server = site.serve();
    let mut client = server.internal().login(&acme());
    let value = "x".repeat(1 << 20);
    // Four times the disk. Waiting for the next regular round each time would take minutes.
    let mut stored = 0;
    eventually("room", || {
        let produced = client.produce("web", 0, batch([&value])).expect("the connection lives");
        stored += u64::from(produced.is_ok());
        (stored * MIB > 4 * SMALL_DISK_BYTES).then_some(())
    });
    let _event = server.wait_for_code("LB0702");
    let _events = server.stop();
}

/// Puts the data of a server on a small disk. `None` where that is not allowed.
fn small_disk(site: &Site, bytes: u64) -> Option<Tmpfs> {
    let disk = Tmpfs::mount(site.path("data"), bytes);
    if disk.is_none() {
        // Past the test harness, which shows what is printed only if the test fails.
        let skipped = b"a_full_disk: skipped, since mounting a small disk to fill takes root\n";
        std::io::stderr().write_all(skipped).expect("somebody reads it");
    }
    disk
}
