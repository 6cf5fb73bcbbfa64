use super::*;
use crate::config::Node;

const THREAD_EACH: Needs = Needs { descriptors_per_connection: 2, threads_per_connection: 1 };

fn short(needs: Needs, connections: u64, machine: Machine) -> Vec<(Resource, u64, u64)> {
    let found = shortages(needs, connections, &machine);
    found.iter().map(|one| (one.resource, one.needed, one.fitting)).collect()
}

#[test]
fn a_machine_without_limits_has_room_for_everybody() {
    assert_eq!(short(THREAD_EACH, 10_000_000, Machine::default()), []);
}

#[test]
fn descriptors_are_counted_for_each_connection_and_for_the_rest() {
    let machine = |descriptors| Machine { descriptors: Some(descriptors), ..Machine::default() };
    assert_eq!(short(Needs::SHARED_THREADS, 1_000, machine(1_128)), []);
    let expected = [(Resource::Descriptors, 1_128, 999)];
    assert_eq!(short(Needs::SHARED_THREADS, 1_000, machine(1_127)), expected);
    assert_eq!(short(THREAD_EACH, 1_000, machine(2_128)), []);
    assert_eq!(short(THREAD_EACH, 1_000, machine(2_127)), [(Resource::Descriptors, 2_128, 999)]);
    assert_eq!(short(THREAD_EACH, 1, machine(100)), [(Resource::Descriptors, 130, 0)]);
}

#[test]
fn every_limit_of_threads_and_maps_counts() {
    let machine = Machine {
        descriptors: None,
        threads_of_user: Some(1_031),
        threads_of_group: Some(531),
        threads_of_machine: Some(131),
        maps: Some(3_087),
    };
    let expected = [
        (Resource::ThreadsOfUser, 1_032, 999),
        (Resource::ThreadsOfGroup, 1_032, 499),
        (Resource::ThreadsOfMachine, 1_032, 99),
        (Resource::Maps, 3_088, 999),
    ];
    assert_eq!(short(THREAD_EACH, 1_000, machine), expected);
    assert_eq!(short(Needs::SHARED_THREADS, 10_000, machine), [], "its threads are few");
}

#[test]
fn the_threads_of_a_runtime_that_shares_them_must_fit_too() {
    let machine = Machine { threads_of_group: Some(10), ..Machine::default() };
    assert_eq!(
        short(Needs::SHARED_THREADS, 10_000, machine),
        [(Resource::ThreadsOfGroup, 32, 0)],
        "no number of connections helps"
    );
}

#[test]
fn the_error_says_what_to_change() {
    let machine = Machine { descriptors: Some(1_000), ..Machine::default() };
    let found = shortages(Needs::SHARED_THREADS, 10_000, &machine);
    let (node, listeners) = (Node::default(), Vec::new());
    let config = Config { node, listeners, projects: Vec::new(), access_keys: Vec::new() };
    let text = Findings::from(found[0].finding(&config)).render(false);
    for part in [
        "error[LB0206]: too small for 10000 connections: 10128 file descriptors are needed, and this",
        "process may have 1000",
        "ulimit -n 10128",
        "LimitNOFILE=10128",
        "connections_max = 872 and connections_per_address_max = 872 in [node.limits]",
        "10000 is the default of connections_max",
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}
