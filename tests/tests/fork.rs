//! Fork: children use what their parent has, with a second `C_Initialize` and without, and end what is theirs
//! without ending the parent's (clients.md, traps 2 and 3).

use std::path::PathBuf;

use strongroom_testkit::{Cluster, run};
use strongroom_tests::programs::{build, play, play_across_a_restart, prepare, python};

fn cluster() -> (Cluster, PathBuf) {
    let cluster = Cluster::start();
    let program = build("fork", cluster.folder());
    (cluster, program)
}

fn play_alone(scenario: &str) {
    let (cluster, program) = cluster();
    eprint!("{}", play(&cluster, &program, scenario).stdout());
}

#[test]
fn a_child_works_without_a_second_c_initialize() {
    play_alone("without");
}

#[test]
fn a_child_may_call_c_initialize_again() {
    play_alone("with");
}

#[test]
fn what_a_child_ends_its_parent_keeps() {
    play_alone("ending");
}

#[test]
fn a_child_of_a_process_that_never_initialised_has_not_either() {
    play_alone("uninitialized");
}

#[test]
fn grandchildren_work_as_children_do() {
    play_alone("grandchildren");
}

#[test]
fn a_child_keeps_working_when_its_parent_has_ended() {
    let (cluster, program) = cluster();
    assert_eq!(play(&cluster, &program, "daemonized").stdout(), "the child works\n");
}

#[test]
fn fifty_forks_beside_eight_threads_in_calls_deadlock_nothing() {
    play_alone("busy");
}

#[test]
fn twenty_children_at_once_do_not_mix_up_answers() {
    play_alone("many");
}

#[test]
fn an_operation_begun_before_a_fork_ends_in_the_parent() {
    play_alone("amid_operations");
}

#[test]
fn children_work_after_their_daemon_was_restarted() {
    let (mut cluster, program) = cluster();
    let mut client = prepare(&cluster, &program, "restarted");
    play_across_a_restart(&mut cluster, &mut client);
}

#[test]
fn a_python_program_forks_with_and_without_a_second_c_initialize() {
    let cluster = Cluster::start();
    let mut program = python("fork");
    program.envs(cluster.envs()).env("MODULE", cluster.module()).env("PIN", cluster.pin());
    assert_eq!(run(&mut program).output(), "");
}
