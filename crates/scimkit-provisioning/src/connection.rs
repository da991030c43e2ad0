//! The test of the connection.

use scimkit_filter::Filter;
use scimkit_types::{ScimType, Timestamp};

use crate::engine::Engine;
use crate::error::{ConnectionError, Result};
use crate::target::TargetErrorKind;

impl Engine {
    /// Asks the service, for each matching attribute, for a value that nobody has; it must answer with an empty list.
    ///
    /// # Errors
    /// [`ConnectionError`], which says what to do.
    pub async fn test_connection(&self) -> Result<(), ConnectionError> {
        for mapping in &self.job.mappings {
            for attribute in mapping.matching() {
                let filter = Filter::equal(attribute.filter_path.clone(), self.value_of_nobody());
                match self.target.find(mapping.resource_type(), &filter, Timestamp::MAX).await {
                    Ok(found) if found.is_empty() => {}
                    Ok(found) => {
                        return Err(ConnectionError::IgnoresFilter { attribute: attribute.target.clone(), found: found.len() });
                    }
                    Err(error) => {
                        return Err(match error.kind {
                            _ if error.scim_type == Some(ScimType::InvalidFilter) => {
                                ConnectionError::CannotFilter { attribute: attribute.target.clone(), error }
                            }
                            TargetErrorKind::Unavailable | TargetErrorKind::Throttled => ConnectionError::Unreachable(error),
                            TargetErrorKind::Unauthorized => ConnectionError::Unauthorized(error),
                            TargetErrorKind::Incompatible | TargetErrorKind::Gone => ConnectionError::Incompatible(error),
                            _ => ConnectionError::Refused(error),
                        });
                    }
                }
            }
        }
        Ok(())
    }

    fn value_of_nobody(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
