//! `sendpromptly dev --extension DIR`: a team's worker beside `dev`, led to its Temporal, shown,
//! started again when it ends, and gone with `dev`, whatever it has started and however `dev` ends.

use std::fs;
use std::path::Path;

use e2e::dev::{Dev, Ports, rejected_with};
use e2e::{eventually, run};
use rustix::process::{Pid, test_kill_process};

/// Says where it is led and what it has started, and ends the first time.
const WORKER: &str = r#"
sleep 1000 &
echo "$$ $!" >>pids
echo "$TEMPORAL_ADDRESS|$TEMPORAL_NAMESPACE|$TEMPORAL_API_KEY|$SENDPROMPTLY_MASTER_KEY|$OF_THE_SHELL" >led
echo "taking calls"
[ -e ended ] || { touch ended; echo "no ledger" >&2; exit 3; }
wait
"#;

/// A team's folder below this one, whose name is what its worker's output is marked with.
fn team(folder: &Path, procfile: Option<&str>) -> String {
    let team = folder.join("credits");
    fs::create_dir_all(&team).expect("a folder");
    fs::write(team.join("worker.sh"), WORKER).expect("written");
    if let Some(procfile) = procfile {
        fs::write(team.join("Procfile"), procfile).expect("written");
    }
    team.to_string_lossy().into_owned()
}

/// The processes of every start so far.
fn pids(team: &str) -> Vec<Pid> {
    let text = fs::read_to_string(Path::new(team).join("pids")).unwrap_or_default();
    text.split_whitespace()
        .map(|id| Pid::from_raw(id.parse().expect("an id")).expect("one"))
        .collect()
}

async fn are_gone(pids: &[Pid]) {
    eventually("the team's processes to be gone", async || {
        let runs = |pid: &Pid| test_kill_process(*pid).is_ok() && !is_zombie(*pid);
        (!pids.iter().any(runs)).then_some(())
    })
    .await;
}

/// Nobody may reap what a container's first process has inherited.
fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn a_worker_runs_beside_dev_is_started_again_and_ends_with_it() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let team = team(folder.path(), Some("web: true\nworker: OF_THE_SHELL=a sh worker.sh\n"));
        let ports = Ports::free().expect("ports");
        let dev = Dev::start_with(&folder, ports, &["--extension", &team]).await.expect("dev");
        eventually("a worker that was started again", async || {
            (pids(&team).len() == 4).then_some(())
        })
        .await;
        are_gone(&pids(&team)[..2]).await;
        let log = dev.log();
        for line in [
            "[credits] taking calls",
            "[credits] no ledger",
            "[credits] ended (exit status: 3); it is started again in 1s",
        ] {
            assert!(log.lines().any(|said| said == line), "{line}: {log}");
        }
        let led = fs::read_to_string(Path::new(&team).join("led")).expect("where it was led");
        assert_eq!(led, format!("127.0.0.1:{}|default|||a\n", ports.temporal));

        assert_eq!(dev.interrupt().await.expect("ended"), Some(0));
        are_gone(&pids(&team)).await;
    });
}

#[test]
fn a_worker_does_not_outlive_a_dev_that_is_killed() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let team = team(folder.path(), Some("worker: sh worker.sh"));
        fs::write(Path::new(&team).join("ended"), "").expect("written");
        let ports = Ports::free().expect("ports");
        let dev = Dev::start_with(&folder, ports, &["--extension", &team]).await.expect("dev");
        eventually("a worker", async || (pids(&team).len() == 2).then_some(())).await;
        dev.kill().await.expect("killed");
        are_gone(&pids(&team)).await;
        eventually("engines that are gone", async || ports.taken().is_empty().then_some(())).await;
    });
}

#[test]
fn a_folder_that_does_not_say_how_its_worker_is_started_is_told_what_to_write() {
    run(async {
        let folder = embedded::scratch_dir().expect("a folder");
        let ports = Ports::free().expect("ports");
        for procfile in [None, Some("web: flask run\n")] {
            let team = team(folder.path(), procfile);
            let (code, said) =
                rejected_with(&folder, ports, &["--extension", &team]).await.expect("dev");
            assert_eq!(code, Some(1));
            let cure = format!("{team}/Procfile, in one line such as: worker: python3 worker.py");
            assert!(said.contains("--extension") && said.contains(&cure), "{said}");
            assert!(!folder.path().join(".sendpromptly").exists(), "nothing was begun");
        }
    });
}
