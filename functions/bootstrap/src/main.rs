//! The one binary behind every function: `_HANDLER` says which of them this environment is.

use shared::platform::{
    config::{Config, ConfigError},
    function::Env,
    serve, telemetry,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    telemetry::init();
    serve::begin_anew_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = Config::from_env().map_err(|error: ConfigError| error.to_string()).and_then(|config| {
        let function = bootstrap::function(&config.handler)
            .ok_or_else(|| format!("_HANDLER is {:?}: no such function", config.handler))?;
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime
            .block_on(async {
                serve::answer_for_the_one_before(&config).await;
                (function.run)(Env::of(config, function.trigger)).await
            })
            .map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error, "cannot start");
            ExitCode::FAILURE
        }
    }
}
