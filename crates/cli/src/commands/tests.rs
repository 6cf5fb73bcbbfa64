use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::args::{self, Command};
use crate::failure::Failure;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What a command printed, and whether it failed.
struct Ran {
    out: String,
    err: String,
    failure: Option<Failure>,
}

impl Ran {
    fn success(self) -> String {
        assert!(self.failure.is_none(), "{:?} {} {}", self.failure, self.out, self.err);
        self.out
    }

    fn refused(&self) -> bool {
        matches!(self.failure, Some(Failure::Refused | Failure::Usage(_)))
    }
}

/// Runs a command line, words separated by spaces, with variables.
fn run<const N: usize>(line: &str, variables: [(&str, &str); N]) -> Ran {
    let program = Program { name: "logboom-smol".into(), runtime: "smol" };
    let words = std::iter::once("logboom-smol").chain(line.split(' ')).map(Into::into);
    let cli = args::parse(&program, words).unwrap();
    let (out, err) = (Buffer::default(), Buffer::default());
    let console = Console::captured(Box::new(out.clone()), Box::new(err.clone()));
    let environment = Environment::from(variables);
    let needs = Needs::SHARED_THREADS;
    let context = Context { program, environment, console, needs, quiet: false };
    let result = match &cli.command {
        Command::Init(args) => init::run(args, &context),
        Command::Check(args) => check::run(args, &context),
        Command::ClientConfig(args) => client_config::run(args, &context),
        Command::Key(args) => key::run(args, &context),
        Command::Explain(args) => explain::run(args, &context),
        Command::Serve(_) | Command::Read(_) | Command::Send(_) => panic!("needs a server"),
    };
    let text = |buffer: Buffer| String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    Ran { out: text(out), err: text(err), failure: result.err() }
}

const LISTENER: &str = "[[listener]]\nname = \"public\"\naddress = \"127.0.0.1:10012\"\n\
    tls = false\nadvertise = \"logs.example.com:10012\"\n";
const PROJECT: &str = "[[project]]\nname = \"acme\"\n[[project.logstore]]\nname = \"nginx\"\n";

/// Two files with a mistake each.
fn write_two_mistakes(directory: &Path) {
    let main = format!("include = [\"conf.d/*.toml\"]\n{LISTENER}[node]\ndata_dri = \"x\"\n");
    fs::write(directory.join("logboom.toml"), main).unwrap();
    fs::create_dir(directory.join("conf.d")).unwrap();
    let project = format!("{PROJECT}shards = 2\nretension = \"30d\"\n");
    fs::write(directory.join("conf.d/acme.toml"), project).unwrap();
}

const TWO_MISTAKES: &str = "\
warning[LB0122]: listener `public` is without TLS
 --> DIR/logboom.toml:5:7
  |
5 | tls = false
  |       ^^^^^ passwords and logs cross the network in clear
  |
  = help: give it `cert` and `key`, or let it listen where nobody else can read along

error[LB0103]: unknown key `data_dri` in [node]
 --> DIR/logboom.toml:8:1
  |
7 | [node]
  | ------ in this table
8 | data_dri = \"x\"
  | ^^^^^^^^ help: did you mean `data_dir`?
  |
  = note: keys allowed here: data_dir, auth_failure, limits

error[LB0103]: unknown key `retension` in [[project.logstore]]
 --> DIR/conf.d/acme.toml:6:1
  |
3 | [[project.logstore]]
  | -------------------- in this table
...
6 | retension = \"30d\"
  | ^^^^^^^^^ help: did you mean `retention`?
  |
  = note: keys allowed here: name, shards, retention, retention_bytes, key, field_names

checked: 2 files, 1 listener, 1 project, 1 logstore, 0 keys
2 mistakes, 1 warning. `serve` would not start with this.
";

#[test]
fn check_reports_every_mistake_of_every_file() {
    let directory = tempfile::tempdir().unwrap();
    write_two_mistakes(directory.path());
    let root = directory.path().display().to_string();
    let ran = run(&format!("check --no-environment --config {root}/logboom.toml"), []);
    assert!(ran.refused());
    assert_eq!(ran.out.replace(&root, "DIR"), TWO_MISTAKES);
    assert_eq!(ran.err, "");
}

#[test]
fn check_json_is_one_object_a_line_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    write_two_mistakes(directory.path());
    let file = directory.path().join("logboom.toml");
    let line = format!("check --no-environment --format json --config {}", file.display());
    let ran = run(&line, []);
    assert!(ran.refused());
    let objects: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[2]["code"], "LB0103");
    assert_eq!((&objects[2]["line"], &objects[2]["end_col"]), (&6.into(), &10.into()));
    assert_eq!(objects[2]["help"], "did you mean `retention`?");
}

#[test]
fn init_prints_a_configuration_without_mistakes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logboom.toml");
    fs::write(&file, run("init", []).success()).unwrap();
    let line = format!("check --no-environment --deny-warnings --config {}", file.display());
    let out = run(&line, []).success();
    let end = out.strip_prefix(&format!("{}: no mistakes (digest ", file.display())).unwrap();
    assert_eq!(&end[8..], "). serve would start.\n");
}

#[test]
fn init_mentions_every_key_and_its_true_default() {
    let text = run("init", []).success();
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") && !rest.ends_with(&['.', ',', ':'][..]) => rest,
            _ => line,
        })
        .filter(|line| !line.contains("{ cert") && !line.contains("policies"))
        .map(|line| format!("{line}\n"))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain.toml");
    let spelt_out = directory.path().join("spelt-out.toml");
    fs::write(&plain, &text).unwrap();
    // A second listener, and bytes of retention, are no defaults.
    let without_extra = uncommented
        .replace("retention_bytes = \"100 GiB\"\n", "")
        .replace("tls = false\n", "")
        .replace("advertise = \"localhost:10011\"\n", "")
        .replace("name = \"internal\"\naddress = \"127.0.0.1:10011\"\n", "");
    fs::write(&spelt_out, without_extra).unwrap();
    let effective = |file: &Path| {
        let line = format!("check --no-environment --show-effective --config {}", file.display());
        let out = run(&line, []).success();
        let values = out.lines().filter_map(|line| line.split_once("  # ").map(|(value, _)| value));
        values.map(|value| format!("{}\n", value.trim_end())).collect::<String>()
    };
    assert_eq!(effective(&spelt_out), effective(&plain));
    for key in ["auth_failure", "shards", "retention_bytes", "field_names", "certificates"] {
        assert!(text.contains(&format!("# {key} = ")), "{key}");
    }
}

#[test]
fn an_effective_value_says_where_it_comes_from() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logboom.toml");
    let text = format!(
        "[node]\ndata_dir = \"data\"\n[node.limits]\nlinger = \"1 s\"\nidle_timeout = \"5 s\"\n\
         frame_timeout = \"6 s\"\n{LISTENER}{PROJECT}"
    );
    fs::write(&file, text).unwrap();
    let line = format!(
        "check --no-environment --show-effective --set node.limits.frame_timeout=8s --config {}",
        file.display()
    );
    let variables = [
        ("LOGBOOM_NODE__LIMITS__IDLE_TIMEOUT", "7 s"),
        ("LOGBOOM_NODE__LIMITS__FRAME_TIMEOUT", "7 s"),
    ];
    let out = run(&line, variables).success();
    let origin = |key: &str| {
        let line = out.lines().find(|line| line.starts_with(&format!("node.limits.{key} = ")));
        let (value, origin) = line.unwrap().split_once("  # ").unwrap();
        (value.split(" = ").nth(1).unwrap().trim_end().to_owned(), origin.to_owned())
    };
    let is = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(origin("write_timeout"), is("\"30 s\"", "default"));
    assert_eq!(origin("linger"), is("\"1 s\"", &format!("{}:4", file.display())));
    let variable = "LOGBOOM_NODE__LIMITS__IDLE_TIMEOUT";
    assert_eq!(origin("idle_timeout"), is("\"7 s\"", variable));
    assert_eq!(origin("frame_timeout"), is("\"8 s\"", "--set"));
}

#[test]
fn an_unknown_variable_is_a_warning_that_does_not_show_its_value() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logboom.toml");
    fs::write(&file, format!("{LISTENER}{PROJECT}")).unwrap();
    let line = format!("check --no-environment --config {}", file.display());
    let variables = [("LOGBOOM_NODE__DATA_DIRR", "hunter2"), ("LOGBOOM_LOG", "debug")];
    let out = run(&line, variables).success();
    assert!(out.contains("warning[LB0103]: unknown variable `LOGBOOM_NODE__DATA_DIRR`"), "{out}");
    assert!(out.contains("did you mean `LOGBOOM_NODE__DATA_DIR`?"), "{out}");
    assert!(!out.contains("hunter2") && !out.contains("LOGBOOM_LOG"), "{out}");
}

#[test]
fn a_key_is_not_made_where_nobody_could_read_the_password() {
    let ran = run("key new --project acme", []);
    assert!(ran.refused() && ran.out.is_empty());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let line = format!("key new --project acme --id agents --allow read --out {}", file.display());
    let ran = run(&line, []);
    let password = fs::read_to_string(&file).unwrap();
    let secret = password.trim_end().strip_prefix("agents#").unwrap();
    assert!(!ran.out.contains(secret) && !ran.err.contains(secret));
    assert!(ran.out.starts_with("[[access_key]]\nid = \"agents\"\nproject = \"acme\"\nsecrets = "));
    assert!(ran.out.ends_with("\nallow = \"read\"\n"));
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(run(&line, []).failure.is_some(), "an existing file is not overwritten");
}

#[test]
fn client_config_asks_which_one_if_there_are_several() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("logboom.toml");
    let key = "[[access_key]]\nid = \"agents\"\nproject = \"acme\"\nsecrets = [{ env = \"X\" }]\n";
    let text = format!("{LISTENER}{PROJECT}[[project.logstore]]\nname = \"audit\"\n{key}");
    fs::write(&file, text).unwrap();
    let line = format!("client-config kcat --config {}", file.display());
    let ran = run(&line, []);
    let message = ran.failure.unwrap().render(false);
    assert_eq!(
        message,
        "error: there are several: which logstore?\nhelp: --logstore with one of nginx, audit\n"
    );
    let ran = run(&format!("{line} --logstore ngins"), []);
    assert!(ran.failure.unwrap().render(false).contains("did you mean `nginx`?"));
    assert_eq!(
        run(&format!("{line} --logstore nginx --json"), []).success(),
        "# echo hello | kcat -F this-file -P -t nginx.json\n\
         bootstrap.servers=logs.example.com:10012\n\
         security.protocol=SASL_PLAINTEXT\n\
         sasl.mechanism=PLAIN\n\
         sasl.username=acme\n\
         sasl.password=agents#AccessKeySecret\n"
    );
}

#[test]
fn client_config_takes_the_password_of_the_demo() {
    let directory = tempfile::tempdir().unwrap();
    let data_dir = directory.path().display().to_string();
    let variables = [("LOGBOOM_NODE__DATA_DIR", data_dir.as_str())];
    assert!(run("client-config vector", variables).refused());
    let environment = Environment::from(variables);
    let request = crate::demo::Request {
        directory: directory.path(),
        listen: None,
        environment: &environment,
        now: jiff::Timestamp::now(),
    };
    let demo = crate::demo::open_or_create(&request).unwrap();
    let text = run("client-config vector", variables).success();
    assert!(text.contains(&format!("sasl.password = \"{}\"", demo.client_conf.password)), "{text}");
    assert!(text.contains("bootstrap_servers = \"localhost:10012\""), "{text}");
    assert!(text.contains(&format!("tls.ca_file = \"{data_dir}/ca.pem\"")), "{text}");
}

#[test]
fn explain_lists_all_codes_and_prints_the_page_of_one() {
    let list = run("explain", []).success();
    assert_eq!(list.lines().count(), crate::codes::CODES.len());
    assert!(run("explain lb0402", []).success().starts_with("# LB0402: the password has no '#'\n"));
    assert!(run("explain limits", []).success().contains("\nframe_bytes_max  "));
    assert!(run("explain 9999", []).refused());
}
