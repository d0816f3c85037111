//! What Terraform's provider does, by boto3: Terraform fetches its providers by itself, from where tests don't go.

use strongroom_testkit::run;

use crate::service::Service;

#[test]
fn clusters_and_hsms_are_applied_planned_imported_and_destroyed() {
    let service = Service::configured("transition_delay_seconds = 1\n");
    run(&mut service.python("like_terraform.py"));
}
