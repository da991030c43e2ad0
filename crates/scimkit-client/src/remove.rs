//! Deleting for certain.

use scimkit_types::SearchRequest;

use crate::client::Client;
use crate::error::ClientError;
use crate::request::Selection;

/// What became of a resource that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removed {
    /// It was deleted.
    Deleted,
    /// It did not exist, perhaps since an earlier attempt deleted it whose answer was lost.
    WasGone,
}

impl Client {
    /// Deletes a resource (RFC 7644 section 3.6); one that does not exist counts as deleted, so this can be done twice.
    ///
    /// A 404 without a SCIM error may come from a gateway or mean that the method is not supported (IR31); it counts only when reading the
    /// resource confirms it.
    ///
    /// # Errors
    /// [`ClientError`], also for a 404 that is not confirmed.
    pub async fn remove(&self, endpoint: &str, id: &str) -> Result<Removed, ClientError> {
        match self.delete(endpoint, id, None).await {
            Ok(()) => Ok(Removed::Deleted),
            Err(error) if error.status() == Some(404) => {
                if error.is_gone() || self.is_gone(endpoint, id).await? {
                    Ok(Removed::WasGone)
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a resource does not exist, by reading it: 404 with a SCIM error, or, where the service provider has none, a 404 and no
    /// result for its `id`.
    ///
    /// # Errors
    /// [`ClientError`] if the service provider does not say.
    pub async fn is_gone(&self, endpoint: &str, id: &str) -> Result<bool, ClientError> {
        let error = match self.get(endpoint, id, &Selection::Only(vec!["id".to_owned()])).await {
            Ok(_) => return Ok(false),
            Err(error) if error.is_gone() => return Ok(true),
            Err(error) => error,
        };
        if error.status() != Some(404) {
            return Err(error);
        }
        let mut request = SearchRequest::default();
        request.filter = Some(format!("id eq {}", quoted(id)));
        Ok(self.query(endpoint, &request).await?.resources.is_empty())
    }
}

/// A text as a filter writes it: a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
