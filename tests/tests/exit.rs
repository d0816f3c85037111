//! The ends of processes and of modules: exits without `C_Finalize`, from handlers and from threads, `dlclose`,
//! descriptors closed by others, signals, `exec` (clients.md, traps 1, 4, 15, 17, 18 and 19).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use strongroom_testkit::{Background, Cluster, run, run_any};
use strongroom_tests::process::descriptors;
use strongroom_tests::program;
use strongroom_tests::programs::{build, play, play_across_a_restart, prepare};

const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";

fn cluster() -> (Cluster, PathBuf) {
    let cluster = Cluster::start();
    let program = build("exit", cluster.folder());
    (cluster, program)
}

fn play_all(scenarios: &[&str]) {
    let (cluster, program) = cluster();
    for scenario in scenarios {
        eprint!("{}", play(&cluster, &program, scenario).stdout());
    }
}

#[test]
fn an_exit_without_c_finalize_is_fine() {
    play_all(&["no_finalize", "exit_in_thread"]);
}

#[test]
fn calls_in_exit_handlers_work() {
    play_all(&["atexit_after", "atexit_before", "thread_destructor"]);
}

#[test]
fn the_module_survives_dlclose() {
    play_all(&["dlclose_open", "dlclose_finalized"]);
}

#[test]
fn c_initialize_and_c_finalize_leak_nothing() {
    play_all(&["again_and_again", "finalize_elsewhere"]);
}

#[test]
fn a_process_that_closes_all_descriptors_goes_on_and_its_new_ones_are_left_alone() {
    play_all(&["closes_all", "closes_all_sockets"]);
}

#[test]
fn a_process_that_gives_up_its_rights_its_environment_and_its_folder_goes_on() {
    play_all(&["turns_into_a_server"]);
}

#[test]
fn signals_interrupt_nothing() {
    play_all(&["interrupted"]);
}

#[test]
fn another_program_inherits_no_descriptors() {
    let (cluster, program) = cluster();
    let with = play(&cluster, &program, "close_on_exec").stdout();
    assert_eq!(with, run(Command::new("/bin/ls").arg("/proc/self/fd")).stdout(), "descriptors of `ls`");
}

#[test]
fn dispositions_of_signals_stay_and_a_vanished_daemon_is_no_sigpipe() {
    let (mut cluster, program) = cluster();
    let mut client = prepare(&cluster, &program, "signals");
    play_across_a_restart(&mut cluster, &mut client);
}

#[test]
fn ten_processes_start_log_in_and_sign_at_once() {
    let (cluster, program) = cluster();
    let begun = Instant::now();
    let start = |_| Background::start(&mut prepare(&cluster, &program, "client"));
    let mut clients: Vec<_> = (0..10).map(start).collect();
    for client in &mut clients {
        assert!(client.wait(Duration::from_secs(60)).success());
    }
    eprintln!("10 processes at once, a login and 50 signatures each: {:?}", begun.elapsed());
}

#[test]
fn the_daemon_keeps_nothing_of_clients_that_are_gone() {
    let (cluster, program) = cluster();
    let all = ["no_finalize", "exit_in_thread", "client"];
    all.iter().for_each(|scenario| drop(play(&cluster, &program, scenario)));
    let settled = || {
        std::thread::sleep(Duration::from_millis(100));
        descriptors(cluster.daemon_pid())
    };
    let before = settled();
    for _ in 0..5 {
        all.iter().for_each(|scenario| drop(play(&cluster, &program, scenario)));
    }
    assert_eq!(settled(), before, "descriptors of the daemon");
}

#[test]
fn beside_another_module_each_keeps_to_its_own_functions() {
    let cluster = Cluster::start();
    assert!(Path::new(SOFTHSM).is_file(), "this test needs {SOFTHSM}: install the Debian package softhsm2");
    let program_path = build("beside", cluster.folder());
    let (config, tokens) = (cluster.folder().join("softhsm2.conf"), cluster.folder().join("tokens"));
    std::fs::create_dir(&tokens).expect("a folder for tokens");
    std::fs::write(&config, format!("directories.tokendir = {}\n", tokens.display())).expect("a file");
    let mut init = Command::new(program("softhsm2-util", "softhsm2"));
    init.args(["--init-token", "--free", "--label", "other", "--pin", "1234", "--so-pin", "1234"]);
    run(init.env("SOFTHSM2_CONF", &config));
    for scenario in ["strongroom_first", "strongroom_second"] {
        let mut command = prepare(&cluster, &program_path, scenario);
        let ended = run_any(command.env("SOFTHSM2_CONF", &config).env("OTHER", SOFTHSM));
        assert!(ended.success(), "{}", ended.report());
    }
}

#[test]
fn nothing_but_the_standards_functions_is_exported() {
    let cluster = Cluster::start();
    let mut nm = Command::new(program("nm", "binutils"));
    let listed = run(nm.args(["--dynamic", "--defined-only", "--format=just-symbols"]).arg(cluster.module()));
    let listed = listed.stdout();
    let symbols: Vec<_> = listed.lines().collect();
    let odd: Vec<_> = symbols.iter().filter(|symbol| !symbol.starts_with("C_")).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(symbols.len() >= 68, "{symbols:?}");
}
