//! A job of GitHub Actions, and outputs that somebody closed: what is written, and what cannot be forged.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
};

use soma_stack::{Server, Stack};

use crate::{
    program::{self, PROGRAM, soma},
    servers::redis,
};

/// A run in a job of GitHub Actions: exit code, standard output, standard error.
fn job(stack: &Stack, summary: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = program::run_command(PROGRAM, &stack.config_path(), folder.path(), arguments)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary)
        .output()
        .expect("runs");
    let (out, err) = program::text(&output);
    (output.status.code(), out, err)
}

/// The lines that the runner of GitHub Actions obeys.
fn commands(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.trim_start().starts_with("::") || line.contains("##[")).collect()
}

#[test]
fn a_healthy_run_writes_the_job_summary_and_complains_about_nothing() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "# The step before\n").expect("written");
    let (code, out, _) = job(&stack, &summary, &["redis"]);
    assert_eq!(code, Some(0), "{out}");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(text.starts_with("# The step before\n"), "the summary of others is kept");
    assert!(text.contains("READY") && !text.contains("NOT READY") && text.contains("redis"), "{text}");
    let commands = commands(&out);
    assert!(commands.iter().all(|line| line.starts_with("::notice ")), "{commands:?}");
    assert_eq!(commands.len(), 1, "{commands:?}");
}

#[test]
fn a_red_run_is_annotated_where_its_checks_are_written() {
    let stack = redis();
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    stack.pause(Server::Redis).expect("paused");
    let (code, out, _) = job(&stack, &summary, &["redis"]);
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(code, Some(1), "{out}");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(text.contains("NOT READY") && text.contains("redis/ping"), "{text}");
    let commands = commands(&out);
    assert_eq!(commands.len(), 2, "the answer, and one root: {commands:?}");
    assert!(commands[0].starts_with("::error title=NOT READY"), "{}", commands[0]);
    assert!(commands[1].starts_with("::error title=redis/ping"), "{}", commands[1]);
    let place = commands[1].split_once(",file=").expect("a file").1;
    let (file, rest) = place.split_once(",line=").expect("a line");
    let line: usize = rest.split(',').next().expect("a number").parse().expect("a number");
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("the check's file");
    assert!(source.lines().nth(line - 1).is_some_and(|line| line.contains("redis/ping")), "{file}:{line}");
    // The same run elsewhere prints no commands and writes no summary.
    fs::remove_file(&summary).expect("removed");
    let reports = tempfile::tempdir().expect("a folder");
    let elsewhere = program::start(&stack.config_path(), reports.path(), &["redis"]).wait_with_output().expect("ended");
    assert_eq!(self::commands(&program::text(&elsewhere).0), Vec::<&str>::new());
    assert!(!summary.exists());
}

/// What a server answers that knows how reports are read.
const HOSTILE: &str = "x\r\n::error::FORGED\n##[error]FORGED\n##vso[task.complete result=Succeeded]FORGED\n::set-output name=a::FORGED\n\u{1b}[2J</td></table><script>FORGED</script>\n# READY\n| FORGED | pass |\n```\n]]>";

const READS_IT: &str = "
- id: redis/hostile
  title: A value is harmless
  why: It is not.
  profiles: [local]
  needs: [redis/ping]
  probe: redis.command
  with: {commands: [[GET, hostile]]}
  expect: {reply: harmless}
  remedy: None.
";

fn store(stack: &Stack, value: &str) {
    let mut stream = TcpStream::connect(stack.address(Server::Redis)).expect("connected");
    let set = format!("*3\r\n$3\r\nSET\r\n$7\r\nhostile\r\n${}\r\n{value}\r\n", value.len());
    stream.write_all(set.as_bytes()).expect("sent");
    let mut reply = [0; 5];
    stream.read_exact(&mut reply).expect("answered");
    assert_eq!(&reply, b"+OK\r\n");
}

#[test]
fn text_from_a_server_cannot_forge_a_command_nor_the_summary() {
    let stack = redis();
    store(&stack, HOSTILE);
    let folder = tempfile::tempdir().expect("a folder");
    let checks = folder.path().join("checks");
    fs::create_dir(&checks).expect("a folder");
    fs::write(checks.join("hostile.yaml"), READS_IT).expect("written");
    let summary = folder.path().join("summary.md");
    let (code, out, err) = job(&stack, &summary, &["redis/hostile", "--checks", checks.to_str().expect("text")]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("FORGED"), "the answer is shown: {out}");
    let commands = commands(&out);
    assert_eq!(commands.len(), 2, "{commands:#?}");
    assert!(commands.iter().all(|line| line.starts_with("::error title=")), "{commands:#?}");
    assert!(!out.contains('\u{1b}') && !out.contains("##vso") && !out.contains('\r'), "{out:?}");
    let text = fs::read_to_string(&summary).expect("a summary");
    assert!(text.contains("FORGED"), "the answer is shown: {text}");
    assert!(!text.contains("<script") && !text.contains("\n# READY") && !text.contains("\n| FORGED"), "{text}");
}

#[test]
fn a_summary_that_cannot_be_written_is_told_and_changes_no_verdict() {
    let stack = redis();
    let (code, out, err) = job(&stack, Path::new("/nonexistent/summary.md"), &["redis"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(err.contains("the job summary could not be written"), "{err}");
}

/// Ends a command's outputs after its first line, or before it; returns the exit code and what came until then.
fn cut_short(command: &mut Command, lines: usize) -> (Option<i32>, String) {
    // One pipe for both outputs, as `2>&1 | head -1` makes it.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().expect("a second end"))
        .stderr(writer)
        .spawn()
        .expect("the program starts");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut reader = BufReader::new(reader);
    let mut seen = String::new();
    for _ in 0..lines {
        reader.read_line(&mut seen).expect("a line");
    }
    drop(reader);
    (child.wait().expect("ended").code(), seen)
}

#[test]
fn a_reader_that_has_seen_enough_changes_no_exit_code() {
    let stack = redis();
    let config = stack.config_path();
    let config = config.to_str().expect("text");
    let folder = tempfile::tempdir().expect("a folder");
    let reports = folder.path().to_str().expect("text");
    let journal = folder.path().join("journal.ndjson");
    let journal = journal.to_str().expect("text");
    let bad = folder.path().join("bad.yaml");
    fs::write(&bad, "profile: locl\n").expect("written");
    let bad = bad.to_str().expect("text");
    let run = ["run", "redis", "--config", config, "--report-dir", reports];
    let cases: [(&[&str], i32); 15] = [
        (&run, 0),
        (&[&run[..], &["--format", "json"]].concat(), 0),
        (&[&run[..], &["--format", "markdown"]].concat(), 0),
        (&["report", "--from", journal], 0),
        (&["list", "--config", config], 0),
        (&["--list", "--format", "terse"], 0),
        (&["explain", "redis/ping", "--config", config], 0),
        (&["lint", "--config", config], 0),
        (&["schema", "checks"], 0),
        (&["contract", "--config", config], 0),
        (&["completions", "bash"], 0),
        (&["--help"], 0),
        (&["run", "--config", bad], 3),
        (&["run", "--nonsense"], 3),
        (&["run", "no/such", "--config", config], 4),
    ];
    for (words, expected) in cases {
        for lines in [0, 1] {
            let mut command = soma(words);
            command.env("GITHUB_ACTIONS", "true");
            let (code, seen) = cut_short(&mut command, lines);
            assert_eq!(code, Some(expected), "{words:?} after {lines} lines: {seen}");
            assert!(!seen.contains("panicked"), "{words:?}: {seen}");
        }
    }
    stack.pause(Server::Redis).expect("paused");
    let (code, _) = cut_short(&mut soma(&run), 1);
    stack.resume(Server::Redis).expect("resumed");
    assert_eq!(code, Some(1), "a red run stays red");
    assert!(fs::read_to_string(folder.path().join("readiness.md")).expect("a report").contains("NOT READY"));
}
