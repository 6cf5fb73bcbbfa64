//! x
fn main() {
    if std::env::args().nth(1).as_deref() == Some("replay") {
        let seed = std::env::args().nth(2).unwrap().parse().unwrap();
        println!("{:?}", logboom_sim::Run::seed(logboom_sim::Level::Store, seed).tracing().execute().violation);
        return;
    }
    let n: u64 = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1000);
    let from: u64 = std::env::args().nth(2).and_then(|s| s.parse().ok()).unwrap_or(0);
    #[allow(clippy::disallowed_methods)]
    let t = std::time::Instant::now();
    let mut bad = 0;
    let mut cov = logboom_sim::Coverage::default();
    for seed in from..from + n {
        let o = logboom_sim::run_store_seed(seed);
        cov.merge(&o.coverage);
        if let Some(v) = o.violation { println!("{seed}: {v}"); bad += 1; if bad > 15 { break; } }
    }
    println!("{:?} {bad}", t.elapsed());
    for k in logboom_sim::FaultKind::ALL { print!("{} {}, ", k, cov.of_fault(*k)); }
    println!();
    for k in logboom_sim::State::ALL { print!("{} {}, ", k.name(), cov.of_state(*k)); }
}
