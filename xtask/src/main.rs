//! The repository's own commands: `cargo xtask test` is every test, part by part.
//!
//! `parts.rs` is the table of parts; to add one, add a row there. `tools.rs` is the table of what the machine must
//! have; to add a package, add a row there.

mod bench;
mod fire;
mod fuzz;
mod guide;
mod house;
mod parts;
mod publish;
mod report;
mod run;
mod snippets;
mod tier;
mod tools;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use parts::PARTS;

const USAGE: &str = "\
usage: cargo xtask test [PART…] [--keep-going] [--fuzz-seconds N]
       cargo xtask fuzz TARGET [INPUT…] [--seconds N]
       cargo xtask bench [--quick] [--only NAME…]
       cargo xtask instructions
       cargo xtask fire [--rounds N]
       cargo xtask house
       cargo xtask packages
       cargo xtask release-tier [--minutes N]

test    Runs the parts named, or all of them in order, and stops at the first that fails.
        --keep-going      run the later parts too
        --fuzz-seconds N  how long each fuzzer runs (10; 60 where CI=true)
fuzz    Runs one fuzzer until it finds something, or for N seconds.
        INPUT…            only run these inputs, to see a finding again
bench   Measures Switchboard and its peers, and writes bench/README.md's tables and bench/plot.svg (about half an hour).
        --quick           3 rounds instead of 21: under 3 minutes, and less exact; compression in Switchboard alone
        --only NAME…      only these measurements, only these servers; prints the table, and writes nothing
instructions   Counts Switchboard's user instructions per echo and per delivery, under Callgrind (three minutes)
fire    Attacks, at the figures that are promised: what they cost, and what others notice; writes bench/fire.md (ten minutes)
        --rounds N        the number of rounds whose medians are taken (5)
house   Whether the engine keeps to the floors of ARCHITECTURE.md, and files and types to their sizes
packages   Builds what would be published: the documentation as docs.rs does, each package from its archive, and all with the
        oldest dependencies that the manifests allow (ten minutes)
release-tier   `packages`, then many idle connections over two
        processes, and a soak, with bounds; writes bench/soak.md
        --minutes N       a quarter of the time for the connections, the rest for the soak (40)
";

/// What was asked for on the command line, and where the repository is.
pub(crate) struct Options {
    /// The repository's root. Every command is run there.
    pub(crate) root: PathBuf,
    /// Cargo's target directory. Logs, screenshots and fuzzing corpora are kept in it.
    pub(crate) target: PathBuf,
    /// True in CI, where a part that cannot run has failed.
    pub(crate) ci: bool,
    pub(crate) keep_going: bool,
    pub(crate) fuzz_seconds: u64,
}

impl Options {
    fn from_env() -> Options {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is in the root").to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => env::current_dir().expect("a current directory").join(dir),
            None => root.join("target"),
        };
        let ci = env::var("CI").is_ok_and(|value| value == "true");
        Options { root, target, ci, keep_going: false, fuzz_seconds: if ci { 60 } else { 10 } }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let asked_for_help = args.is_empty() || args.iter().any(|arg| arg == "--help" || arg == "-h" || arg == "help");
    if asked_for_help {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let passed = match args[0].as_str() {
        "test" => test(&args[1..]),
        "fuzz" => fuzz_one(&args[1..]),
        "bench" => bench::run(&Options::from_env(), &args[1..]),
        "instructions" => bench::instructions(&Options::from_env(), &args[1..]),
        "fire" => fire::run(&Options::from_env(), &args[1..]),
        "house" => house::run(&Options::from_env()),
        "packages" => Ok(publish::release(&Options::from_env())),
        "release-tier" => tier::run(&Options::from_env(), &args[1..]),
        other => Err(format!("no command `{other}`")),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(mistake) => {
            eprint!("xtask: {mistake}\n\n{}", help());
            ExitCode::from(2)
        }
    }
}

fn help() -> String {
    let mut text = format!("{USAGE}\nparts:\n");
    let options = Options::from_env();
    for part in PARTS {
        let budget = (part.budget)(&options).as_secs();
        text += &format!("  {:<9} {} (budget {budget} s)\n", part.name, part.about);
    }
    text += &format!("\nfuzzers:  {}\n", fuzz::targets(&options.root).join(", "));
    text += &bench::help();
    text += "\npackages that `tools` installs:\n";
    for tool in tools::TOOLS {
        text += &format!("  {:<10} {}\n", tool.package, tool.purpose);
    }
    text
}

fn test(args: &[String]) -> Result<bool, String> {
    let mut options = Options::from_env();
    let mut names: Vec<&str> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--keep-going" => options.keep_going = true,
            "--fuzz-seconds" => options.fuzz_seconds = seconds(arg, args.next())?,
            name if PARTS.iter().any(|part| part.name == name) => names.push(name),
            flag if flag.starts_with('-') => return Err(format!("no option `{flag}`")),
            name => return Err(format!("no part `{name}`")),
        }
    }
    // In the table's order, however they were named: `tools` comes before what needs it.
    let chosen: Vec<_> = PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name)).collect();
    Ok(report::run_all(&chosen, &options))
}

fn fuzz_one(args: &[String]) -> Result<bool, String> {
    let options = Options::from_env();
    let mut words: Vec<&str> = Vec::new();
    let mut limit = None;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--seconds" => limit = Some(seconds(arg, args.next())?),
            flag if flag.starts_with('-') => return Err(format!("no option `{flag}`")),
            word => words.push(word),
        }
    }
    let (target, inputs) = words.split_first().ok_or("fuzz needs a TARGET")?;
    fuzz::one(&options, target, inputs, limit)
}

fn seconds(flag: &str, value: Option<&String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{flag} needs a number of seconds"))?;
    value.parse().map_err(|_| format!("{flag} needs a number of seconds, not `{value}`"))
}
