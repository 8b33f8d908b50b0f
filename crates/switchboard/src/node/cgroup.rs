//! The memory of this process, as the system reports it: the limit of its cgroup, and what it uses.
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Where cgroups are mounted, on every system that has them.
const MOUNT: &str = "/sys/fs/cgroup";
/// A limit of at least this is none: version 1 says "none" by a large number.
const NONE: usize = 1 << 60;

/// The smallest limit of this process' cgroups, up the hierarchy, in bytes.
pub(crate) fn limit() -> Option<usize> {
    limit_below(Path::new(MOUNT), &read_to_string("/proc/self/cgroup").ok()?)
}

/// What this process uses, in bytes: its resident set, and what the kernel holds for the sockets of its cgroup.
pub(crate) fn usage() -> Option<usize> {
    let resident = resident(&read_to_string("/proc/self/status").ok()?)?;
    static STAT: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let groups = read_to_string("/proc/self/cgroup").ok()?;
        let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
        Some(Path::new(MOUNT).join(path).join("memory.stat"))
    });
    let stat = STAT.as_ref().and_then(|path| read_to_string(path).ok());
    Some(resident + stat.and_then(|stat| field(&stat, "sock ")?.parse().ok()).unwrap_or(0))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

fn resident(status: &str) -> Option<usize> {
    let kib: usize = field(status, "VmRSS:")?.strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}

/// `groups`: the lines `id:controllers:path` of `/proc/self/cgroup`. In a container, that path may be the host's, of which only
/// the top is visible here.
fn limit_below(mount: &Path, groups: &str) -> Option<usize> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        let (top, file) = match controllers {
            "" => (mount.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => (mount.join("memory"), "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        let path = Path::new(path.trim_start_matches('/'));
        path.ancestors()
            .filter_map(|path| read_to_string(top.join(path).join(file)).ok()?.trim().parse().ok())
            .collect()
    });
    limits.filter(|limit: &usize| *limit < NONE).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &str)]) -> Tree {
            let root = std::env::temp_dir().join(format!("switchboard-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Tree(root)
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_smallest_limit_up_the_hierarchy_counts() {
        let files =
            [("a/memory.max", "5000\n"), ("a/b/memory.max", "max\n"), ("a/b/c/memory.max", "7000\n"), ("x", "1")];
        let tree = Tree::new("v2", &files);
        assert_eq!(limit_below(&tree.0, "0::/a/b/c\n"), Some(5000));
        assert_eq!(limit_below(&tree.0, "0::/\n"), None);
        assert_eq!(limit_below(&tree.0, "0::/elsewhere\n"), None);
        assert_eq!(limit_below(&tree.0, ""), None);
    }

    #[test]
    fn version_1_says_none_by_a_number_and_a_container_sees_its_top_only() {
        let files =
            [("memory/memory.limit_in_bytes", "9000\n"), ("memory/d/memory.limit_in_bytes", "9223372036854771712\n")];
        let tree = Tree::new("v1", &files);
        assert_eq!(limit_below(&tree.0, "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n"), Some(9000));
        let tree = Tree::new("v1-none", &files[1..]);
        assert_eq!(limit_below(&tree.0, "4:memory:/d\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    1234 kB\nVmData: 1 kB\n"), Some(1234 << 10));
        assert!(usage().is_none_or(|usage| usage > 1 << 20));
    }
}
