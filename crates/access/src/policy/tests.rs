use proptest::prelude::*;
use serde_json::{Value, json};

use super::pattern::tests::fits;
use super::*;

/// The custom policy of the reference document on uploading logs over the Kafka protocol.
const REFERENCE: &str = r#"{
    "Version": "1",
    "Statement": [
        {
            "Action": "log:GetProject",
            "Resource": "acs:log:*:*:project/project_name",
            "Effect": "Allow"
        },
        {
            "Action": [
                "log:GetLogStore",
                "log:ListShards",
                "log:PostLogStoreLogs"
            ],
            "Resource": "acs:log:*:*:project/project_name/logstore/*",
            "Effect": "Allow"
        }
    ]
}"#;

fn resource(project: &str, logstore: &str) -> Resource {
    Resource::new(&project.parse().expect("a name"), &logstore.parse().expect("a name"))
}

fn mistakes(json: &str) -> Vec<PolicyMistake> {
    Policy::parse(json).expect_err("a bad policy")
}

fn one_statement(effect: Value, action: Value, resource: Value) -> String {
    let statement = json!({ "Effect": effect, "Action": action, "Resource": resource });
    json!({ "Version": "1", "Statement": [statement] }).to_string()
}

#[test]
fn the_policy_of_the_reference_document_allows_writing_and_nothing_else() {
    let policy = Policy::parse(REFERENCE).expect("a good policy");
    let nginx = resource("project_name", "nginx");
    assert_eq!(policy.verdict(Action::PostLogStoreLogs, &nginx), Verdict::Allowed);
    assert_eq!(policy.verdict(Action::PullLogs, &nginx), Verdict::Silent);
    let other = resource("other", "nginx");
    assert_eq!(policy.verdict(Action::PostLogStoreLogs, &other), Verdict::Silent);
}

#[test]
fn a_denial_wins_wherever_it_stands() {
    let allow = json!({ "Effect": "Allow", "Action": "log:*", "Resource": "*" });
    let deny = json!({
        "Effect": "Deny",
        "Action": "log:PostLogStoreLogs",
        "Resource": "acs:log:*:*:project/demo/logstore/audit*"
    });
    for statements in [[&allow, &deny], [&deny, &allow]] {
        let json = json!({ "Version": "1", "Statement": statements }).to_string();
        let policy = Policy::parse(&json).expect("a good policy");
        let verdict = |action, logstore| policy.verdict(action, &resource("demo", logstore));
        assert_eq!(verdict(Action::PostLogStoreLogs, "audit-1"), Verdict::Denied);
        assert_eq!(verdict(Action::PostLogStoreLogs, "nginx"), Verdict::Allowed);
        assert_eq!(verdict(Action::PullLogs, "audit-1"), Verdict::Allowed);
    }
}

#[test]
fn actions_are_compared_without_regard_to_case_and_resources_with() {
    let json = one_statement(
        json!("Allow"),
        json!("LOG:postLogstoreLogs"),
        json!("acs:log:*:*:project/Demo/logstore/*"),
    );
    let policy = Policy::parse(&json).expect("a good policy");
    let verdict = policy.verdict(Action::PostLogStoreLogs, &resource("demo", "nginx"));
    assert_eq!(verdict, Verdict::Silent);
    let policy = Policy::parse(&json.replace("Demo", "demo")).expect("a good policy");
    let verdict = policy.verdict(Action::PostLogStoreLogs, &resource("demo", "nginx"));
    assert_eq!(verdict, Verdict::Allowed);
}

#[test]
fn all_mistakes_are_reported_with_their_places() {
    let json = r#"{
  "Version": 1,
  "Statement": [
    { "Effect": "allow", "Action": "PostLogStoreLogs", "Resource": "*" },
    { "Effect": "Deny", "Action": ["log:*", 7], "Resource": [],
      "Condition": {} },
    { "Effect": "Allow", "Effect": "Deny", "Action": "*",
      "Resource": ["acs:log:cn-hangzhou:*:project/x", "project/x"] },
    "everything"
  ],
  "Comment": ""
}"#;
    let found: Vec<_> =
        mistakes(json).into_iter().map(|m| (m.path, m.line, m.column, m.problem)).collect();
    let expected = [
        ("$.Version", 2, 14, PolicyProblem::Expected("a text in quotes")),
        ("$.Statement[0].Effect", 4, 17, PolicyProblem::Effect),
        ("$.Statement[0].Action", 4, 36, PolicyProblem::Action),
        ("$.Statement[1].Action[1]", 5, 45, PolicyProblem::Expected("a text in quotes")),
        ("$.Statement[1].Resource", 5, 61, PolicyProblem::Empty),
        ("$.Statement[1].Condition", 6, 20, PolicyProblem::Unsupported("Condition".to_owned())),
        ("$.Statement[2].Effect", 7, 36, PolicyProblem::Repeated("Effect".to_owned())),
        ("$.Statement[2].Resource[0]", 8, 20, PolicyProblem::RegionOrAccount),
        ("$.Statement[2].Resource[1]", 8, 55, PolicyProblem::Resource),
        ("$.Statement[3]", 9, 5, PolicyProblem::Expected("an object: { ... }")),
        (
            "$.Comment",
            11,
            14,
            PolicyProblem::UnknownKey {
                key: "Comment".to_owned(),
                allowed: &["Version", "Statement"],
            },
        ),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(path, l, c, problem)| (path.to_owned(), l, c, problem))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_bytes_of_a_mistake_are_those_of_the_value() {
    let json = one_statement(json!("Permit"), json!("*"), json!("*"));
    let [mistake] = mistakes(&json).try_into().expect("one mistake");
    assert_eq!(&json[mistake.bytes.clone()], "\"Permit\"");
    assert_eq!(
        mistake.to_string(),
        format!(
            "$.Statement[0].Effect at line 1 column {}: \
             the effect has to be \"Allow\" or \"Deny\"",
            mistake.bytes.start + 1
        )
    );
}

#[test]
fn missing_keys_are_named() {
    let problems: Vec<_> =
        mistakes(r#"{"Statement": [{}]}"#).into_iter().map(|m| (m.path, m.problem)).collect();
    let expected = [
        ("$", "Version"),
        ("$.Statement[0]", "Effect"),
        ("$.Statement[0]", "Action"),
        ("$.Statement[0]", "Resource"),
    ];
    assert_eq!(
        problems,
        expected.map(|(path, key)| (path.to_owned(), PolicyProblem::Missing(key)))
    );
}

#[test]
fn what_is_not_json_is_reported_where_it_ends_to_be() {
    let [mistake] = mistakes("{\n  \"Version\": \"1\"\n  \"Statement\": []\n}")
        .try_into()
        .expect("one mistake");
    assert_eq!((mistake.line, mistake.column), (3, 3));
    assert_eq!(mistake.problem, PolicyProblem::Syntax("expected `,` or `}`".to_owned()));
}

#[test]
fn resources_of_other_services_are_accepted_and_never_apply() {
    let json = one_statement(json!("Allow"), json!("*"), json!("acs:oss:cn-hangzhou:12:bucket/*"));
    let policy = Policy::parse(&json).expect("a good policy");
    let verdict = policy.verdict(Action::PostLogStoreLogs, &resource("demo", "nginx"));
    assert_eq!(verdict, Verdict::Silent);
}

#[test]
fn a_deeply_nested_document_is_refused_without_overflowing_the_stack() {
    let deep = "[".repeat(1_000_000);
    assert_eq!(mistakes(&deep).len(), 1);
    let deep =
        format!("{{\"Version\":\"1\",\"Statement\":[{0}{1}]}}", deep, deep.replace('[', "]"));
    assert_eq!(mistakes(&deep).len(), 1);
}

proptest! {
    #[test]
    fn hostile_text_is_refused_without_a_panic(text in "\\PC{0,60}|[{}\\[\\]\":, a*1]{0,60}") {
        prop_assert!(Policy::parse(&text).is_err());
    }

    #[test]
    fn a_broken_document_is_refused_without_a_panic(at in 0..REFERENCE.len(), with in "\\PC?") {
        let mut text = REFERENCE.to_owned();
        text.replace_range(at..=at, &with);
        if let Err(mistakes) = Policy::parse(&text) {
            prop_assert!(!mistakes.is_empty());
            for mistake in mistakes {
                prop_assert!(text.get(mistake.bytes).is_some());
            }
        }
    }

    #[test]
    fn verdicts_agree_with_the_definition(
        statements in proptest::collection::vec(statement(), 1..6),
        action in proptest::sample::select(&Action::ALL[..]),
        project in "[ab]{2,3}",
        logstore in "[ab-]{2,4}".prop_filter("a name", |text| !text.starts_with('-')),
    ) {
        let json: Vec<_> = statements.iter().map(ModelStatement::to_json).collect();
        let json = json!({ "Version": "1", "Statement": json }).to_string();
        let policy = Policy::parse(&json).expect("a good policy");
        let named = format!("acs:log:*:*:project/{project}/logstore/{logstore}");
        let some = |allow| {
            statements.iter().any(|s| s.allow == allow && s.applies(action.name(), &named))
        };
        let expected = match (some(false), some(true)) {
            (true, _) => Verdict::Denied,
            (false, true) => Verdict::Allowed,
            (false, false) => Verdict::Silent,
        };
        prop_assert_eq!(policy.verdict(action, &resource(&project, &logstore)), expected);
    }
}

/// A statement as the naive model sees it.
#[derive(Debug, Clone)]
struct ModelStatement {
    allow: bool,
    actions: Vec<String>,
    resources: Vec<String>,
}

impl ModelStatement {
    fn applies(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        self.actions.iter().any(|p| fits(p.to_ascii_lowercase().as_bytes(), action.as_bytes()))
            && self.resources.iter().any(|p| fits(p.as_bytes(), resource.as_bytes()))
    }

    fn to_json(&self) -> Value {
        let effect = if self.allow { "Allow" } else { "Deny" };
        // One text and a list of one text have to mean the same.
        let action = match &self.actions[..] {
            [one] => json!(one),
            many => json!(many),
        };
        json!({ "Effect": effect, "Action": action, "Resource": self.resources })
    }
}

fn statement() -> impl Strategy<Value = ModelStatement> {
    let action = prop_oneof![
        Just("*".to_owned()),
        "log:(Post|Get|Pull|\\*|\\?)(LogStore|Log\\*|)(Logs|\\*|Log\\?)",
        "(log|l\\?g|oss|\\*):(\\*|PULLLOGS|pulllogs|\\*Logs)",
    ];
    let resource = prop_oneof![
        Just("*".to_owned()),
        "acs:(log|l\\*):\\*:\\*:project/[ab*?]{1,3}/logstore/[ab*?-]{1,4}",
        "acs:log:\\*:\\*:(\\*|project/[ab]{2}|project/[ab]{2}/\\*)",
        Just("acs:oss:somewhere:1:bucket".to_owned()),
    ];
    let list = |strategy| proptest::collection::vec(strategy, 1..3);
    (any::<bool>(), list(action.boxed()), list(resource.boxed()))
        .prop_map(|(allow, actions, resources)| ModelStatement { allow, actions, resources })
}
