"""Java: class paths from Maven Central, and programs of ours compiled against them."""

import hashlib
import os
import shutil

from harness import install

# Short-lived programs: the small compiler only, and little memory.
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx128m"]
DEPENDENCY_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"


def need_java():
    """A JDK and Maven, from Debian if they are missing."""
    install.need("javac", "default-jdk-headless")
    install.need("mvn", "maven")


def class_path(pom, name, **properties):
    """The folder of the jars that a POM asks for, complete or absent; another POM gets another one."""
    folder = install.cache_folder() / f"maven-{name}-{digest([pom])}"
    # Two Mavens at once would disturb each other's downloads.
    with install.exclusive("maven"):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
            command = ["mvn", "--quiet", "--batch-mode", "--file", str(pom)]
            command += [f"-D{key}={value}" for key, value in properties.items()]
            install.run([*command, f"{DEPENDENCY_PLUGIN}:copy-dependencies", f"-DoutputDirectory={partial}"])
            partial.rename(folder)
    return folder


def compiled(sources, jars, name):
    """The folder of the classes of these sources, compiled for Java 8, anew only when the sources change."""
    folder = install.cache_folder() / f"{name}-{digest(sources)}"
    with install.exclusive(name):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            command = ["javac", "-J-XX:TieredStopAtLevel=1", "--release", "8", "-Xlint:-options"]
            command += ["-d", str(partial), "-cp", f"{jars}/*", *map(str, sources)]
            install.run(command)
            partial.rename(folder)
    return folder


def digest(files):
    """A few characters that change with the contents of files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
