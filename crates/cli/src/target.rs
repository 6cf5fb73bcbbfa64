use std::str::FromStr;

use logboom_access::{ProjectName, Topic};

/// `PROJECT/LOGSTORE`, as people name a Logstore on a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The project.
    pub(crate) project: ProjectName,
    /// The topic: the Logstore, and with `.json` how its values are read.
    pub(crate) topic: Topic,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (project, topic) =
            text.split_once('/').ok_or("write PROJECT/LOGSTORE, for instance demo/demo")?;
        Ok(Self {
            project: project.parse().map_err(|error| format!("{project}: {error}"))?,
            topic: Topic::parse(topic).map_err(|error| format!("{topic}: {error}"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_project_and_a_topic_of_it() {
        let target: Target = "demo/nginx.json".parse().unwrap();
        assert_eq!(target.project.as_str(), "demo");
        assert_eq!(target.topic.logstore().as_str(), "nginx");
        for text in ["demo", "demo/", "/demo", "demo/a/b", "De/mo"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
