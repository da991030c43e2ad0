//! What a change does besides the resource: passwords.

use scimkit_types::{Resource, Tolerance};

use super::{Call, Server, unsupported};
use crate::handler::{Context, HandlerError, Preconditions};
use crate::password::{AcceptedChange, PasswordChange};
use crate::respond::Refusal;

impl Server {
    /// Has the sink judge a password; nothing is kept yet.
    pub(super) async fn accept_password(&self, call: &Call<'_>, change: Option<PasswordChange>) -> Result<Option<AcceptedChange>, Refusal> {
        self.accept_password_alone(call, change, false).await
    }

    /// As [`accept_password`](Self::accept_password), for a request that may do nothing else.
    pub(super) async fn accept_password_alone(
        &self,
        call: &Call<'_>,
        change: Option<PasswordChange>,
        is_alone: bool,
    ) -> Result<Option<AcceptedChange>, Refusal> {
        let Some(change) = change else { return Ok(None) };
        let Some(sink) = &self.inner.passwords else {
            if is_alone || !call.context.dialect.allows(Tolerance::DropPassword) {
                return Err(unsupported("passwords"));
            }
            call.context.count([Tolerance::DropPassword]);
            tracing::warn!("a password was left out, as there is no sink for it");
            return Ok(None);
        };
        match change {
            PasswordChange::Set(password) => {
                let accepted = self.within(call.exchange, false, sink.accept(&call.context, &password)).await??;
                Ok(Some(AcceptedChange::Keep(accepted)))
            }
            PasswordChange::Remove => Ok(Some(AcceptedChange::Forget)),
        }
    }

    /// Keeps the password of a new resource; without it there is no resource.
    pub(super) async fn keep_first_password(
        &self,
        context: &Context<'_>,
        resource: &Resource,
        password: AcceptedChange,
    ) -> Result<(), Refusal> {
        let id = resource.id().unwrap_or_default();
        let kept = self.keep_password(context, id, password).await;
        if kept.is_err()
            && let Err(error) = self.inner.handler.delete(context, id, &Preconditions::default()).await
        {
            tracing::error!(%error, id, "a resource whose password was not kept could not be taken back");
        }
        Ok(kept?)
    }

    /// Keeps the password of a resource that was changed otherwise already. The change stands if that fails: it was asked for, and the
    /// same request sent again does nothing but keep the password.
    pub(super) async fn keep_new_password(&self, context: &Context<'_>, id: &str, password: Option<AcceptedChange>) -> Result<(), Refusal> {
        let Some(password) = password else { return Ok(()) };
        self.keep_password(context, id, password).await.map_err(|error| {
            tracing::error!(?error, id, "the password of a changed resource was not kept");
            Refusal::status(500, "the password was not kept, while everything else was done; send the request again")
        })
    }

    async fn keep_password(&self, context: &Context<'_>, id: &str, password: AcceptedChange) -> Result<(), HandlerError> {
        let Some(sink) = &self.inner.passwords else { return Ok(()) };
        match password {
            AcceptedChange::Keep(accepted) => sink.keep(context, id, accepted).await?,
            AcceptedChange::Forget => sink.forget(context, id).await?,
        }
        Ok(())
    }

    /// Forgets the password of a resource that is gone. Its id is never made again, so that what stays behind is of no use.
    pub(crate) async fn forget_password(&self, context: &Context<'_>, id: &str) {
        let Some(sink) = &self.inner.passwords else { return };
        if let Err(error) = sink.forget(context, id).await {
            tracing::error!(%error, id, "the password of a deleted resource could not be forgotten");
        }
    }
}
