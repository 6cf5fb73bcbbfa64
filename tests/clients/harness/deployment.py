"""A server with a configuration of its own, and the settings of its clients."""

import json
import secrets
from dataclasses import dataclass

from harness import certificates
from harness.server import Server

PROJECT = "acme"


@dataclass(frozen=True)
class AccessKey:
    """A key of a project with the Logstores to which it may write; `*` means all."""

    id: str
    secret: str
    project: str
    writes: str

    def policy(self):
        """The policy document that says so."""
        resource = f"acs:log:*:*:project/{self.project}/logstore/{self.writes}"
        statement = {"Effect": "Allow", "Action": ["log:PostLogStoreLogs"], "Resource": [resource]}
        return json.dumps({"Version": "1", "Statement": [statement]})


def new_key(key_id, project=PROJECT, writes="*"):
    """A key with a secret that was never used before."""
    return AccessKey(key_id, secrets.token_hex(16), project, writes)


class Deployment:
    """Everything a server needs, in one folder. Change the fields, then `write` the configuration again."""

    def __init__(self, folder, logstores, data_folder=None):
        self.folder = folder
        # Shards of each Logstore of each project.
        self.projects = {PROJECT: dict(logstores)}
        self.data_folder = data_folder or folder / "data"
        self.writer = new_key("WriterOfAll")
        self.keys = [self.writer]
        self.port = 0
        # What clients are told; may contain {project}.
        self.advertise = "localhost"
        self.tls = True
        # Lines of [node.limits] besides the usual ones.
        self.limits = {}
        self.config = folder / "logboom.toml"
        self.data_folder.mkdir(mode=0o700)
        self.certificates = certificates.create(folder / "tls")

    def write(self):
        """Writes the configuration and the policy files that it names."""
        parts = [self.node(), self.listener()]
        for project, logstores in self.projects.items():
            parts.append(f'[[project]]\nname = "{project}"\n')
            for name, shards in logstores.items():
                parts.append(f'[[project.logstore]]\nname = "{name}"\nshards = {shards}\n')
        parts += [self.access_key(key) for key in self.keys]
        self.config.write_text("\n".join(parts))
        self.config.chmod(0o600)

    def node(self):
        """Where the data are, and the limits."""
        limits = "".join(f'{name} = "{value}"\n' for name, value in self.limits.items())
        return NODE.format(data=self.data_folder) + limits

    def listener(self):
        """The listener with its certificate, or without TLS."""
        if not self.tls:
            return PLAIN_LISTENER.format(port=self.port, advertise=self.advertise)
        return LISTENER.format(
            port=self.port,
            certificate=self.certificates.certificate,
            key=self.certificates.key,
            advertise=self.advertise,
        )

    def access_key(self, key):
        """One key with its secret and its policy, both in files beside the configuration."""
        secret, policy = self.folder / f"{key.id}.secret", self.folder / f"{key.id}.json"
        secret.write_text(key.secret)
        secret.chmod(0o600)
        policy.write_text(key.policy())
        return KEY.format(id=key.id, project=key.project, secret=secret, policy=policy)

    def host(self, project):
        """What clients of a project are told."""
        return self.advertise.replace("{project}", project)

    def server(self, binary, log=None):
        """A server with this configuration, and perhaps a log filter. It keeps its port when it is started again."""
        self.write()
        return DeployedServer(self, binary, ["--log", log] if log else [])

    def client_config(self, key=None):
        """librdkafka's settings for a producer with this key; without one, the writer's."""
        key = key or self.writer
        return {
            "bootstrap.servers": f"localhost:{self.port}",
            "broker.address.family": "v4",
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.certificates.authority),
            "sasl.mechanism": "PLAIN",
            "sasl.username": key.project,
            "sasl.password": f"{key.id}#{key.secret}",
        }


class DeployedServer(Server):
    """A server that writes the port of its first start into its configuration."""

    def __init__(self, deployment, binary, options=()):
        arguments = ["--config", str(deployment.config), *options]
        super().__init__(binary, deployment.folder / "run", arguments, deployment.config)
        self.deployment = deployment

    def wait_until_ready(self):
        super().wait_until_ready()
        if self.deployment.port != self.port:
            self.deployment.port = self.port
            self.deployment.write()


NODE = """\
[node]
data_dir = "{data}"

# More than there are clients, and few enough for any machine and every runtime.
[node.limits]
connections_max = 1000
connections_per_address_max = 1000
"""

LISTENER = """\
[[listener]]
name = "test"
address = "127.0.0.1:{port}"
cert = "{certificate}"
key = "{key}"
advertise = "{advertise}"
"""

PLAIN_LISTENER = """\
[[listener]]
name = "test"
address = "127.0.0.1:{port}"
tls = false
advertise = "{advertise}"
"""

KEY = """\
[[access_key]]
id = "{id}"
project = "{project}"
secrets = [{{ file = "{secret}" }}]
policies = ["{policy}"]
"""
