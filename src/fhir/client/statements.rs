//! What a plan declares: the CapabilityStatements of its FHIR bases.

use super::FhirClient;
use crate::{
    fhir::{capability::Capability, error::FetchError, reading::anything, search::under},
    http::Retry,
};
use url::Url;

impl FhirClient {
    /// What the plan declares; `None` if its FHIR base does not show a usable statement.
    ///
    /// A type counts by the statement of the base where it is asked for. A further base without a statement
    /// adds nothing.
    ///
    /// # Errors
    /// The plan could not be reached at all.
    pub(crate) async fn capability(
        &self,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Option<Capability>, FetchError> {
        let registration = &self.registration;
        let first = &registration.fhir_url;
        let Some(mut declared) = self.statement(first, on_retry).await? else {
            return Ok(None);
        };
        let mut others: Vec<&Url> = registration.requests.bases.values().collect();
        others.sort_unstable();
        others.dedup();
        for base in others.into_iter().filter(|base| *base != first) {
            if let Ok(Some(other)) = self.statement(base, on_retry).await {
                declared.add(&other, |name| registration.base_of(name) == base);
            }
        }
        Ok(Some(declared))
    }

    /// The statement of one base; `None` if it does not show a usable one.
    async fn statement(
        &self,
        base: &Url,
        on_retry: &(dyn Fn(&Retry) + Send + Sync),
    ) -> Result<Option<Capability>, FetchError> {
        let url = under(base, "metadata");
        // The statement is open at 1upHealth, so it is first asked for without a token.
        let asked = self.asked(&url, on_retry);
        let response = match self.ask(&asked, None, &anything).await {
            Ok((response, _)) if matches!(response.status, 401 | 403) => self.get(&asked).await?,
            Ok((response, _)) => response,
            // Some gateways let a request without a token hang. If one with a token is not answered either,
            // the plan is unreachable.
            Err(FetchError::Http(error)) if error.is_unanswered() && self.has_token() => {
                self.get(&asked).await.map_err(|_| error)?
            }
            Err(error) => return Err(error),
        };
        Ok(response.is_success().then(|| Capability::parse(&response.body)).flatten())
    }
}
