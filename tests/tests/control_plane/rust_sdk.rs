//! The crate `aws-sdk-cloudhsmv2`.

use aws_sdk_cloudhsmv2::Client;
use aws_sdk_cloudhsmv2::config::{BehaviorVersion, Config, Credentials, Region};

/// A client of an endpoint, without TLS.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("123456789012", "unused", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Runs asynchronous code to its end.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
