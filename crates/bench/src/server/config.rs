use std::fmt::Write as _;

/// What a server is configured with. The rest is as it comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Limits of `[node.limits]`: names, and values as they stand in TOML.
    pub limits: Vec<(&'static str, String)>,
    /// Shards of the only Logstore.
    pub shards: u32,
}

impl Config {
    /// The only project, which is also the user name.
    pub const PROJECT: &str = "bench";
    /// The only Logstore, which is also the topic.
    pub const LOGSTORE: &str = "logs";
    /// The name in the certificate.
    pub const HOST: &str = "localhost";
    /// The ID of the only access key.
    const KEY: &str = "bench-key";
    /// The secret of that key. It protects nothing: the server listens on loopback only.
    pub(super) const SECRET: &str = "Rw7kQ2mX9vB4nL6t";

    /// Lets one machine open so many connections.
    #[must_use]
    pub fn for_connections(connections: usize) -> Self {
        let limit = |name| (name, connections.to_string());
        Self {
            limits: vec![limit("connections_max"), limit("connections_per_address_max")],
            shards: 8,
        }
    }

    /// What clients log in with.
    #[must_use]
    pub fn password() -> String {
        format!("{}#{}", Self::KEY, Self::SECRET)
    }

    /// The text of the file.
    pub(super) fn to_text(&self) -> String {
        let Self { limits, shards } = self;
        let (project, logstore, host, key) = (Self::PROJECT, Self::LOGSTORE, Self::HOST, Self::KEY);
        let mut text = String::from("[node]\ndata_dir = \"data\"\n\n[node.limits]\n");
        for (name, value) in limits {
            writeln!(text, "{name} = {value}").expect("writing to a string");
        }
        text += &format!(
            "\n[[listener]]\nname = \"public\"\naddress = \"127.0.0.1:0\"\n\
             cert = \"server.pem\"\nkey = \"server-key.pem\"\nadvertise = \"{host}\"\n\
             \n[[project]]\nname = \"{project}\"\n\
             \n[[project.logstore]]\nname = \"{logstore}\"\nshards = {shards}\n\
             \n[[access_key]]\nid = \"{key}\"\nproject = \"{project}\"\n\
             secrets = [{{ file = \"key.secret\" }}]\nallow = \"all\"\n"
        );
        text
    }
}
