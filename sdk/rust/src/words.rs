//! Words: what goes with an accepted command besides its answer, the same for all kinds of entities.

/// In an `impl` of a type with the field `extras`.
macro_rules! entity_words {
    () => {
        /// A command that runs once this decision is durable.
        pub fn effect(mut self, effect: impl Into<crate::Effect>) -> Self {
            self.extras.effects.push(effect.into());
            self
        }

        /// A command that runs so long after this decision.
        #[track_caller]
        pub fn after(self, time: std::time::Duration, effect: impl Into<crate::Effect>) -> Self {
            self.effect(effect.into().after(time))
        }

        /// A command that runs at this time, in milliseconds since 1970.
        #[track_caller]
        pub fn at(self, time: u64, effect: impl Into<crate::Effect>) -> Self {
            self.effect(effect.into().at(time))
        }

        /// A command whose outcome this entity hears, as a command of `method`: `.ask(call, shop::call::charged, Some(note))`. With a
        /// name, or later: `.effect(call.ask(shop::call::charged, None).named("charge"))`.
        pub fn ask<Asked, Q: crate::Hears<Reply = Asked> + Default, A>(
            self,
            call: Call<Asked>,
            method: fn(Q) -> Call<A>,
            note: Option<Q::Note>,
        ) -> Self {
            self.effect(call.ask(method, note))
        }

        /// Drop the pending effect of this name, if there is one, before the effects of this decision act.
        pub fn cancel(mut self, name: impl Into<String>) -> Self {
            self.extras.cancels.push(name.into());
            self
        }

        /// Answer all who wait for a ticket that a command of `method` gave: `.resolve("t", shop::call::pay, Ok(paid))`, or with
        /// `refuse(code, message)`. Where the ticket is not open, it does nothing.
        pub fn resolve<Q: Default, Later: Message>(
            mut self,
            ticket: impl Into<String>,
            method: fn(Q) -> Call<Later>,
            answer: Result<Later, Refusal>,
        ) -> Self {
            let resolution = crate::deferred::Resolution::new(ticket.into(), method, answer);
            self.extras.resolves.push(resolution);
            self
        }

        /// Sent with the reply, as a response header.
        #[track_caller]
        pub fn metadata(mut self, name: &str, value: impl Into<MetadataValue>) -> Self {
            self.extras.push(name, value.into());
            self
        }
    };
}
pub(crate) use entity_words;
