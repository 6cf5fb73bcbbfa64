use logboom_access::ProjectName;

use crate::Advertise;

/// What stands for the project in an advertised host name.
const PROJECT: &str = "{project}";

/// The project whose host name this is by the advertised pattern, whether or not it exists.
///
/// `None` if host names of this listener say nothing about projects, or this one is no such name: an
/// alias or an address is no mistake.
pub(crate) fn project_of(advertise: &Advertise, host_name: &str) -> Option<ProjectName> {
    let Advertise::Fixed { host, .. } = advertise else { return None };
    let (before, after) = host.split_once(PROJECT)?;
    let (before, after) = (before.to_ascii_lowercase(), after.to_ascii_lowercase());
    let name = host_name.strip_prefix(before.as_str())?.strip_suffix(after.as_str())?;
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(host: &str, host_name: &str) -> Option<String> {
        let advertise = Advertise::Fixed { host: host.into(), port: 10_012 };
        project_of(&advertise, host_name).map(|project| project.to_string())
    }

    #[test]
    fn a_host_name_of_the_pattern_names_a_project() {
        let pattern = "{project}.Logs.example.com";
        assert_eq!(project(pattern, "acme.logs.example.com").as_deref(), Some("acme"));
        assert_eq!(project(pattern, "acme.logs.example.org"), None);
        assert_eq!(project(pattern, "logs.example.com"), None);
        assert_eq!(project(pattern, ".logs.example.com"), None);
        assert_eq!(project(pattern, "a.b.logs.example.com"), None, "two labels are no project");
        assert_eq!(project("logs.example.com", "acme.logs.example.com"), None);
    }

    #[test]
    fn a_listener_that_advertises_the_name_it_is_reached_by_has_no_pattern() {
        let advertise = Advertise::AsReached { fallback: ([127, 0, 0, 1], 10_012).into() };
        assert_eq!(project_of(&advertise, "acme.logs.example.com"), None);
    }
}
