//! The log of the server is not what it lives on.

use logboom_tests::{Config, Site, batch, eventually};
use rustix::process::Signal;

use super::acme;

#[test]
fn a_server_whose_log_goes_nowhere_serves_on_and_stops_in_order() {
    let site = Site::new(crate::PROGRAM, &Config::with_limit("connections_per_address_max", "3"));
    let server = site.serve_unheard();
    // More refusals, with an event each, than there may be connections at a time.
    for _ in 0..6 {
        let mut client = eventually("a place", || server.public(&site).try_connect().ok());
        client.send_bytes(&[0xff; 64]).expect("the connection lives");
        client.expect_end();
    }
    let mut client = server.public(&site).login(&acme());
    let produced = client.produce("web", 0, batch(["stored"])).expect("the connection lives");
    assert_eq!(produced, Ok(0));
    drop(client);
    server.signal(Signal::TERM);
    assert_eq!(server.wait().code(), Some(0));
}
