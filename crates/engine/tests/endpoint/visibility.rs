//! What one project sees of another, and a key of what it has no right to: nothing.

use logboom_wire::api::ApiKey;

use crate::common::batches::batch;
use crate::common::client::Client;
use crate::common::requests::{self, Produce, Request};
use crate::common::setup::{ACME, BETA, Credentials, NOBODY, Setup, WRITER, project};
use crate::common::{Endpoint, advertised};

/// Exists in `beta` only.
const THEIRS: &str = "payroll";
/// Exists nowhere, and is as long.
const ABSENT: &str = "pavroll";

/// A request about a topic, in any API and version that can name one or leads to one.
fn request_about(api: ApiKey, version: i16, topic: &str) -> Request {
    match api {
        ApiKey::Produce => {
            Produce { version, ..Produce::one(topic, 0, batch(&["stolen"])) }.request()
        }
        ApiKey::Fetch => requests::fetch(version, &[topic]),
        ApiKey::Metadata => requests::metadata(version, &[topic]),
        ApiKey::FindCoordinator => requests::find_coordinator(version, topic),
        ApiKey::SaslHandshake => requests::handshake(version, "PLAIN"),
        ApiKey::ApiVersions => requests::api_versions(version),
        ApiKey::InitProducerId => requests::init_producer_id(version, None),
        ApiKey::SaslAuthenticate => requests::authenticate(version, b"\0beta\0beta-full#no"),
    }
}

/// All that comes back for a request, the connection closed or not, with the name taken out.
fn seen(mut client: Client, api: ApiKey, version: i16, topic: &str) -> (Vec<u8>, String) {
    let request = request_about(api, version, topic);
    client.send(&request);
    let bytes = client.bytes();
    let mut without_name = bytes.clone();
    let name = topic.as_bytes();
    while let Some(at) = without_name.windows(name.len()).position(|window| window == name) {
        without_name.splice(at..at + name.len(), *b"NAME");
    }
    (without_name, format!("{:?}", client.closed()))
}

fn every_version() -> impl Iterator<Item = (ApiKey, i16)> {
    ApiKey::ALL.into_iter().flat_map(|api| {
        let (min, max) = api.versions();
        (min..=max).map(move |version| (api, version))
    })
}

#[test]
fn nobody_without_the_right_can_tell_what_exists_from_what_does_not() {
    for (api, version) in every_version() {
        for credentials in [None, Some(NOBODY), Some(WRITER), Some(ACME)] {
            let about = |topic| {
                let endpoint = Endpoint::new();
                let client = match credentials {
                    None => endpoint.connect(),
                    Some(credentials) => endpoint.client(credentials),
                };
                let seen = seen(client, api, version, topic);
                endpoint.commit();
                assert_eq!(endpoint.all_values(), [""; 0], "{api:?} {version}");
                seen
            };
            assert_eq!(about(THEIRS), about(ABSENT), "{api:?} {version} {credentials:?}");
        }
    }
}

#[test]
fn within_a_project_a_key_without_the_right_cannot_tell_either() {
    for (api, version) in every_version() {
        for credentials in [NOBODY, WRITER] {
            let about = |topic| {
                let endpoint = Endpoint::new();
                seen(endpoint.client(credentials), api, version, topic)
            };
            assert_eq!(about("audit"), about("avdit"), "{api:?} {version} {credentials:?}");
        }
    }
}

/// So that the tests above can fail.
#[test]
fn whoever_has_the_right_sees_a_difference() {
    for (api, version) in every_version() {
        let tells = matches!(api, ApiKey::Produce | ApiKey::Metadata);
        let about = |topic| {
            let endpoint = Endpoint::new();
            let mut client = endpoint.client(BETA);
            client.send(&request_about(api, version, topic));
            endpoint.commit();
            client.bytes().len()
        };
        let differs = about(THEIRS) != about(ABSENT) || version < 8 && api == ApiKey::Produce;
        assert_eq!(differs, tells, "{api:?} {version}");
    }
}

/// Everything an endpoint says to a client that asks in every way.
fn conversation(endpoint: &Endpoint, credentials: Credentials) -> Vec<u8> {
    let mut client = endpoint.client(credentials);
    for version in 0..=12 {
        client.send(&requests::all_metadata(version));
        client.send(&requests::metadata(version, &["nginx", "absent", "payroll.json"]));
    }
    client.send(&requests::init_producer_id(4, None));
    client.send(&Produce::one("nginx", 0, batch(&["x"])).request());
    endpoint.commit();
    client.bytes()
}

#[test]
fn what_another_project_has_changes_nothing_that_is_said() {
    let alone = Setup { projects: vec![Setup::default().projects.remove(0)], ..Setup::default() };
    let alone = Setup { keys: alone.keys[..3].to_vec(), ..alone };
    let mut crowded = Setup::default();
    crowded.projects.push(project("acme-2", &[("nginx", 9), ("absent", 2)]));
    crowded.advertise = advertised();
    for credentials in [ACME, WRITER, NOBODY] {
        let said = conversation(&Endpoint::with(alone.clone()), credentials);
        let said_in_crowd = conversation(&Endpoint::with(crowded.clone()), credentials);
        assert_eq!(said, said_in_crowd, "{credentials:?}");
    }
}

#[test]
fn two_projects_may_have_a_logstore_of_the_same_name() {
    let endpoint = Endpoint::new();
    for (credentials, value) in [(ACME, "of acme"), (BETA, "of beta")] {
        let mut client = endpoint.client(credentials);
        client.send(&Produce::one("nginx", 0, batch(&[value])).request());
        endpoint.commit();
        assert_eq!(client.outcomes(9)[0].base_offset, 0);
    }
    assert_eq!(endpoint.values("acme", "nginx", 0), ["of acme"]);
    assert_eq!(endpoint.values("beta", "nginx", 0), ["of beta"]);
}
