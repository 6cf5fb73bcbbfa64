//! A full disk refuses batches for as long as it is full, and harms nothing.

use logboom_tests::{Config, Site, Tmpfs, batch};

use super::acme;

/// Room for the two segments in hand, and more.
const DISK_BYTES: u64 = 200 << 20;
/// Below what the server keeps free, 5 % of the disk.
const LEFT_BYTES: u64 = 4 << 20;

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

    let ballast = disk.fill(LEFT_BYTES);
    let refused = produce("into what is left").expect_err("the disk is full");
    assert_eq!(refused.code, 56, "an error that clients answer by sending again: {refused:?}");
    assert!(refused.message.contains("[LB0702]"), "{refused:?}");
    let _event = server.wait_for_code("LB0702");
    assert_eq!(site.read("acme/web")[0].content(), "while there is space");

    std::fs::remove_file(&ballast).expect("it is there");
    assert_eq!(produce("with space again"), Ok(1));
    let _events = server.stop();
    let logs = site.read("acme/web");
    let contents: Vec<_> = logs.iter().map(|log| log.content()).collect();
    assert_eq!(contents, ["while there is space", "with space again"]);
}
