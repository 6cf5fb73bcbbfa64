use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Instant;

use logboom_engine::Engine;
use logboom_store::Recovery;

use super::probe::{self, SyncTime};
use super::start::Origin;
use crate::commands::Context;
use crate::config::{Config, Loaded};
use crate::demo::{self, Demo};
use crate::units::approximate_size;

/// What a server says about itself when it starts and when it stops: lines for a person on a
/// terminal, events elsewhere.
pub(crate) struct Banner<'a> {
    pub(crate) origin: &'a Origin<'a>,
    pub(crate) context: &'a Context,
    pub(crate) addresses: &'a [SocketAddr],
    /// Which of them were bound before this process began.
    pub(crate) inherited: &'a [bool],
    pub(crate) begin: Instant,
}

impl Banner<'_> {
    /// Says what is served, and that it is ready.
    pub(crate) fn show(&self, recovery: &Recovery) {
        let sync_time = probe::sync_time(&self.config().node.store_dir()).ok();
        if self.context.console.err_is_terminal() {
            self.context.console.tell(&self.lines(recovery, sync_time));
        } else {
            self.events(recovery, sync_time);
        }
    }

    /// Says what was done, when the server has stopped.
    pub(crate) fn farewell(&self, engine: &Engine) {
        let counters = engine.counters();
        tracing::info!(
            target: "logboom::start",
            connections = counters.connections_accepted.get(),
            requests = counters.produce_requests.get(),
            records = counters.records_stored.get(),
            bytes = counters.bytes_stored.get(),
            duplicates = counters.duplicates.get(),
            "stopped",
        );
    }

    fn loaded(&self) -> &Loaded {
        self.origin.loaded()
    }

    fn config(&self) -> &Config {
        &self.loaded().config
    }

    fn lines(&self, recovery: &Recovery, sync_time: Option<SyncTime>) -> String {
        let mut text = format!("{}   {}\n\n", self.context.program.version(), self.source());
        for (name, fact) in self.facts(recovery, sync_time) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<11} {fact}");
        }
        if let Origin::Demo(demo) = self.origin {
            text.push('\n');
            text.push_str(&self.demo_lines(demo));
        }
        let _ = writeln!(text, "\n{}", self.ready());
        text
    }

    /// Where the configuration is from.
    fn source(&self) -> String {
        match self.origin {
            Origin::Demo(demo) => {
                let directory = demo.paths.directory.display();
                match demo.created {
                    true => format!("no --config given: created a demo in {directory}"),
                    false => format!("no --config given: demo in {directory}"),
                }
            }
            Origin::Files { loaded, .. } => format!("configuration {}", loaded.digest),
        }
    }

    fn facts(
        &self,
        recovery: &Recovery,
        sync_time: Option<SyncTime>,
    ) -> Vec<(&'static str, String)> {
        let limits = &self.config().node.limits;
        let mut facts: Vec<_> = self.endpoints().map(|text| ("listening", text)).collect();
        facts.push((
            "limits",
            format!(
                "{} connections, {} for requests in flight; nothing else grows",
                limits.connections_max,
                approximate_size(limits.process_bytes_in_flight_max),
            ),
        ));
        let measured = sync_time.map_or(String::new(), |SyncTime { p99, probes }| {
            format!(" (this disk: {:.1} ms, 99% of {probes} probes)", p99.as_secs_f64() * 1e3)
        });
        facts.push(("durable", format!("acknowledged means fsynced{measured}")));
        if recovery.segments > 0 {
            facts.push(("recovered", recovered(recovery)));
        }
        facts
    }

    /// Each listener: its address, what it speaks, and what clients are told.
    fn endpoints(&self) -> impl Iterator<Item = String> {
        let listeners = self.config().listeners.iter().zip(self.addresses).zip(self.inherited);
        listeners.map(|((listener, bound), inherited)| {
            let tls = if *listener.tls { "TLS, " } else { "NO TLS, " };
            let told = listener.advertise.endpoint("{project}", bound.port());
            let socket = if *inherited { "   inherited socket" } else { "" };
            format!("{bound}   {tls}SASL/PLAIN   clients are told: {told}{socket}")
        })
    }

    fn demo_lines(&self, demo: &Demo) -> String {
        let mut text = String::new();
        let conf = demo.paths.client_conf.display();
        if demo.password_is_new {
            let password = &demo.client_conf.password;
            let ca = demo.paths.ca.display();
            let pairs: Vec<_> = demo.ca_fingerprint.split(':').collect();
            let (first, last) = (pairs.get(..3).unwrap_or_default(), pairs.last());
            let short = format!("{}:...:{}", first.join(":"), last.copied().unwrap_or_default());
            for (name, fact) in [
                ("project", format!("{:<28} the SASL user name", demo::PROJECT)),
                ("logstore", format!("{:<28} the Kafka topic", demo::PROJECT)),
                ("password", format!("{password}   shown once, kept in client.conf")),
                ("CA", format!("{ca}     SHA-256 {short}")),
                ("all of it", format!("{conf} (mode 600, librdkafka format)")),
            ] {
                let _ = writeln!(text, "  {name:<11} {fact}");
            }
        } else {
            let command = self.context.program.command("key new --project demo");
            let _ = writeln!(text, "  {:<11} {conf}   new password: {command}", "client");
        }
        text.push('\n');
        for (what, command) in [
            ("Send a line", format!("echo hello | {}", self.program("send demo/demo"))),
            ("  or with kcat", format!("echo hello | kcat -F {conf} -P -t demo")),
            ("Read it back", self.program("read demo/demo --from earliest")),
            (
                "Connect an agent",
                self.program("client-config filebeat      (or fluent-bit, vector, java, ...)"),
            ),
            ("Write a config", self.program("init > logboom.toml")),
        ] {
            let _ = writeln!(text, "{what:<16} {command}");
        }
        text
    }

    fn program(&self, arguments: &str) -> String {
        self.context.program.command(arguments)
    }

    fn events(&self, recovery: &Recovery, sync_time: Option<SyncTime>) {
        tracing::info!(
            target: "logboom::start",
            version = self.context.program.version(),
            digest = self.loaded().digest,
            "{}",
            self.source(),
        );
        if let Origin::Demo(demo) = self.origin {
            tracing::info!(
                target: "logboom::start",
                project = demo::PROJECT,
                logstore = demo::PROJECT,
                client_conf = %demo.paths.client_conf.display(),
                "demo {}",
                if demo.created { "created" } else { "opened" },
            );
        }
        for (name, fact) in self.facts(recovery, sync_time) {
            tracing::info!(target: "logboom::start", "{name}: {fact}");
        }
        tracing::info!(target: "logboom::start", "{}", self.ready());
    }

    /// The line that scripts and people wait for.
    fn ready(&self) -> String {
        let addresses: Vec<_> = self.addresses.iter().map(SocketAddr::to_string).collect();
        let mut text = format!(
            "ready in {} ms on {}",
            self.begin.elapsed().as_millis(),
            addresses.join(" and ")
        );
        if self.context.console.err_is_terminal() {
            text += ". Ctrl-C stops after finishing what was accepted, twice stops at once.";
        }
        text
    }
}

fn recovered(recovery: &Recovery) -> String {
    let torn = match recovery.truncated_bytes {
        0 => "nothing torn".to_owned(),
        bytes => format!("{bytes} unacknowledged bytes of a crash cut off"),
    };
    format!(
        "{} segments, {}, {} shards, {torn}",
        recovery.segments,
        approximate_size(recovery.log_bytes),
        recovery.shards,
    )
}
