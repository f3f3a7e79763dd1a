//! An API server that fails in ways no real one can be brought to on demand. A double, for these faults and nothing else:
//! everything that must be *right* about Kubernetes is tried on the reference cluster.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::program::soma;

/// What the program shows to it, and to nobody else.
const TOKEN: &str = "a-token-of-the-double";

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Every answer is this status, as a Kubernetes `Status` object.
    Status(u16),
    /// 429 with `Retry-After: 1`, this often to each path, then as if nothing had been.
    Throttled(usize),
    /// Takes the request and never answers.
    Silent,
    /// 200, and a page of somebody else's.
    Foreign,
    /// Good until this many requests were answered, then gone.
    GoneAfter(usize),
    /// A list that breaks off: its second page is 410 Gone.
    TornList,
}

struct Server {
    address: String,
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
}

impl Server {
    fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&answered));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                if matches!(fault, Fault::GoneAfter(most) if count.load(Ordering::SeqCst) >= most) {
                    // Closed at once, as the kernel does for a process that is gone.
                    continue;
                }
                let count = Arc::clone(&count);
                thread::spawn(move || serve(stream, fault, &count));
            }
        });
        Self { address, stop, answered }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, so that it sees.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(mut stream: TcpStream, fault: Fault, count: &AtomicUsize) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    let _ = stream.read_exact(&mut body);
    let nth = count.fetch_add(1, Ordering::SeqCst);
    if fault == Fault::Silent {
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let (status, more, body) = answer(fault, &path, nth);
    let text = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(text.as_bytes());
}

fn answer(fault: Fault, path: &str, nth: usize) -> (u16, &'static str, String) {
    let told = |status: u16, message: &str| json!({"kind": "Status", "code": status, "message": message}).to_string();
    match fault {
        Fault::Status(status) => (status, "", told(status, "as the test wants it")),
        Fault::Throttled(most) if nth < most => (429, "Retry-After: 1\r\n", told(429, "slow down")),
        Fault::Foreign => (200, "", "<html>It works!</html>".to_owned()),
        Fault::TornList if path.contains("continue=next") => (410, "", told(410, "the continue token is too old")),
        Fault::TornList if path.contains("limit=") => {
            let pod = json!({"metadata": {"name": "a", "namespace": "soma-infra"}, "spec": {}, "status": {}});
            (200, "", json!({"metadata": {"continue": "next"}, "items": [pod]}).to_string())
        }
        _ => (200, "", good(path)),
    }
}

fn good(path: &str) -> String {
    if path.starts_with("/readyz") {
        return "[+]ping ok\n[+]etcd ok\nreadyz check passed\n".to_owned();
    }
    if path.starts_with("/version") {
        return json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4"}).to_string();
    }
    if path.contains("selfsubjectaccessreviews") {
        return json!({"status": {"allowed": true}}).to_string();
    }
    json!({"metadata": {"name": "soma-infra"}, "status": {"phase": "Active"}, "items": []}).to_string()
}

/// Runs the Kubernetes checks against it; exit code and results.
fn judged(server: &Server, checks: &[&str]) -> (i32, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "double",
        "contexts": [{"name": "double", "context": {"cluster": "double", "user": "double"}}],
        "clusters": [{"name": "double", "cluster": {"server": format!("http://{}", server.address)}}],
        "users": [{"name": "double", "user": {"token": TOKEN}}],
    });
    write(folder.path(), "kubeconfig", &kubeconfig.to_string());
    write(
        folder.path(),
        "config.yaml",
        "profile: dev\nservices:\n  kubernetes: {enabled: true, kubeconfig: kubeconfig}\n",
    );
    let (config, reports) = (folder.path().join("config.yaml"), folder.path().join("reports"));
    let output = soma(&["run"])
        .args(checks)
        .arg("--config")
        .arg(config)
        .arg("--report-dir")
        .arg(&reports)
        .output()
        .expect("a run");
    let results = std::fs::read_to_string(reports.join("results.json"));
    let results = results.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    tells_no_token(&reports, &output);
    (output.status.code().expect("an exit code"), serde_json::from_str(&results).expect("results"))
}

/// The token is neither in any file of the reports nor in what was printed.
fn tells_no_token(reports: &Path, output: &std::process::Output) {
    let files = std::fs::read_dir(reports).expect("reports").map(|entry| entry.expect("an entry").path());
    let written = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).expect("readable"));
    let all: Vec<Vec<u8>> = written.chain([output.stdout.clone(), output.stderr.clone()]).collect();
    assert!(all.len() > 4, "the premise: there are reports");
    assert!(all.iter().all(|text| !String::from_utf8_lossy(text).contains(TOKEN)), "the token must not be told");
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("written");
}

fn verdicts(results: &Value) -> Vec<(&str, &str, &str)> {
    let checks = results["checks"].as_array().expect("checks").iter();
    checks
        .map(|check| {
            let class = check["trouble"]["class"].as_str().unwrap_or_default();
            (check["id"].as_str().expect("an id"), check["verdict"].as_str().expect("a verdict"), class)
        })
        .collect()
}

#[test]
fn an_api_server_that_fails_leaves_every_check_undecided() {
    for (fault, class) in [
        (Fault::Status(401), "kube.unauthorized"),
        (Fault::Status(403), "kube.forbidden"),
        (Fault::Status(429), "kube.throttled"),
        (Fault::Status(500), "kube.server_error"),
        (Fault::Status(503), "kube.server_error"),
        (Fault::Throttled(usize::MAX), "kube.throttled"),
        (Fault::Silent, "kube.timeout"),
        (Fault::GoneAfter(0), "kube.unreachable"),
    ] {
        let server = Server::start(fault);
        let (code, results) = judged(&server, &["cluster/version", "ns/**"]);
        assert_eq!(code, 2, "{fault:?}: {:?}", verdicts(&results));
        assert_eq!((&results["verdict"], &results["complete"]), (&json!("INCOMPLETE"), &json!(true)), "{fault:?}");
        let seen = verdicts(&results);
        assert!(seen.contains(&("cluster/api-ready", "error", class)), "{fault:?}: {seen:?}");
        let undecided = |(_, verdict, _): &(&str, &str, &str)| matches!(*verdict, "error" | "blocked" | "skip");
        assert!(seen.len() > 2 && seen.iter().all(undecided), "{fault:?}: {seen:?}");
    }
}

#[test]
fn somebody_else_behind_the_address_is_no_api_server() {
    let server = Server::start(Fault::Foreign);
    let (code, results) = judged(&server, &["ns/**"]);
    let seen = verdicts(&results);
    assert_eq!(code, 2, "{seen:?}");
    assert!(seen.contains(&("cluster/api-ready", "error", "kube.garbage")), "{seen:?}");
    assert!(seen.iter().all(|(_, verdict, _)| !matches!(*verdict, "pass" | "fail")), "{seen:?}");
}

#[test]
fn a_time_to_come_back_is_kept() {
    let server = Server::start(Fault::Throttled(1));
    let (code, results) = judged(&server, &["cluster/version"]);
    assert_eq!(code, 0, "{:?}", verdicts(&results));
    assert!(server.answered.load(Ordering::SeqCst) >= 3, "asked again after the pause");
}

#[test]
fn an_api_server_that_goes_in_the_middle_turns_nothing_red() {
    let server = Server::start(Fault::GoneAfter(2));
    let (code, results) = judged(&server, &["cluster/version", "ns/**"]);
    assert_eq!(code, 2, "{:?}", verdicts(&results));
    assert!(verdicts(&results).iter().all(|(_, verdict, _)| *verdict != "fail"), "{:?}", verdicts(&results));
    assert!(verdicts(&results).iter().any(|(_, _, class)| *class == "kube.unreachable"));
}

#[test]
fn half_of_a_list_is_no_list() {
    let server = Server::start(Fault::TornList);
    let (code, results) = judged(&server, &["workload/run-as-nonroot"]);
    assert_eq!(code, 2, "{:?}", verdicts(&results));
    let of_list: Vec<_> = verdicts(&results).into_iter().filter(|(id, _, _)| id.starts_with("workload/")).collect();
    assert!(of_list.iter().any(|(_, verdict, class)| (*verdict, *class) == ("error", "kube.gone")), "{of_list:?}");
}
