//! Every target over every input of its corpus, with every promise checked.
//!
//! With `--nocapture` it prints what each target took at most, for the table in `docs/testing.md`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use logboom_fuzz::memory::{Counting, bounded, take_highest};
use logboom_fuzz::{TARGETS, Target, run};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much slower this build is than an optimised one. Without optimisation zstd is as fast as ever,
/// and everything written in Rust about thirty times slower.
const SLOWNESS: u32 = if cfg!(debug_assertions) { 30 } else { 1 };

/// Fewer would say that the corpus was lost.
const INPUTS_MIN: usize = 500;

/// Larger inputs are not worth their time in every test run.
const INPUT_BYTES_MAX: usize = 64 * 1024;

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name)
}

/// The inputs of a target, in the order of their names.
fn inputs(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder(target))
        .unwrap_or_else(|error| panic!("the corpus of {}: {error}", target.name));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let input = fs::read(&path).unwrap();
        (path, input)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_input_that_was_ever_found_keeps_every_promise() {
    println!("| target | inputs | memory used of what is allowed | longest time |");
    for target in TARGETS {
        let inputs = inputs(target);
        assert!(!inputs.is_empty(), "no inputs for {}", target.name);
        let (_, mut longest) = (take_highest(), Duration::ZERO);
        // The first run of a target fills what it keeps for all runs.
        run(target.body, &inputs[0].1, u32::MAX);
        for (path, input) in &inputs {
            println!("{}", path.display());
            longest = longest.max(run(target.body, input, SLOWNESS));
        }
        let usage = take_highest();
        println!(
            "| {} | {} | {} of {} bytes, {:.0} % | {longest:.1?} |",
            target.name,
            inputs.len(),
            usage.peak_bytes,
            usage.bytes_max,
            100.0 * usage.share(),
        );
    }
}

#[test]
fn the_corpus_is_there_and_small() {
    let all: Vec<_> = TARGETS.iter().flat_map(inputs).collect();
    assert!(all.len() >= INPUTS_MIN, "{} inputs", all.len());
    for (path, input) in &all {
        assert!(input.len() <= INPUT_BYTES_MAX, "{}: {} bytes", path.display(), input.len());
    }
}

#[test]
fn every_folder_of_the_corpus_belongs_to_a_target() {
    let corpus = folder(&TARGETS[0]).parent().unwrap().to_owned();
    let mut folders: Vec<String> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    folders.sort();
    names.sort_unstable();
    assert_eq!(folders, names);
}

#[test]
fn every_target_is_built_for_libfuzzer() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer");
    let manifest = fs::read_to_string(programs.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        let name = target.name;
        assert!(
            manifest.contains(&format!("name = \"{name}\"\n")),
            "{name} is not in the manifest"
        );
        let program = programs.join(format!("fuzz_targets/{name}.rs"));
        let program = fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("target!({name});")), "{program}");
    }
}

#[test]
#[should_panic(expected = "1 bytes of input")]
fn memory_above_the_limit_is_noticed() {
    bounded(1, 0, || drop(vec![1_u8; 64 * 1024 + 9]));
}

#[test]
fn memory_at_the_limit_is_allowed_and_counted() {
    let _ = take_highest();
    bounded(1, 10, || drop(vec![1_u8; 64 * 1024 + 18]));
    let usage = take_highest();
    assert_eq!((usage.peak_bytes, usage.bytes_max), (64 * 1024 + 18, 64 * 1024 + 18));
}

#[test]
fn memory_of_zstd_is_counted() {
    let _ = take_highest();
    bounded(0, 1 << 30, || drop(zstd::bulk::Decompressor::new().unwrap()));
    assert!(take_highest().peak_bytes > 50_000);
}

#[test]
#[should_panic(expected = "the limit is")]
fn a_target_that_takes_too_long_is_noticed() {
    let spin = |_: &[u8]| {
        let mut number = 1_u64;
        for _ in 0..400_000_000_u64 {
            number = std::hint::black_box(number.wrapping_mul(7));
        }
    };
    run(spin, &[], 1);
}
