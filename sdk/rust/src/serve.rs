//! Serve: which services a component has. It exports the interfaces of their kinds and no others.

/// The services and views of this component, each with the kind that it is of, the generated module that describes it, and the type that
/// implements it. Once in a crate.
///
/// ```ignore
/// innkeeper::serve! {
///     event_sourced: counter => Service,
/// }
/// ```
#[macro_export]
macro_rules! serve {
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [event_sourced ($($module:tt)+) $service:ty] $($rest:tt)*) => {
        impl $crate::event_sourced::Served for $service {
            type Definition = $($module)+::event_sourced::Registered_<$service>;
        }
        $crate::serve!(@sort [$($e)* $service,] [$($v)*] [$($r)*] [$($a)*] [$($w)*] $($rest)*);
    };
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [value ($($module:tt)+) $service:ty] $($rest:tt)*) => {
        impl $crate::value::Served for $service {
            type Definition = $($module)+::value::Registered_<$service>;
        }
        $crate::serve!(@sort [$($e)*] [$($v)* $service,] [$($r)*] [$($a)*] [$($w)*] $($rest)*);
    };
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [replicated ($($module:tt)+) $service:ty] $($rest:tt)*) => {
        impl $crate::replicated::Served for $service {
            type Definition = $($module)+::replicated::Registered_<$service>;
        }
        $crate::serve!(@sort [$($e)*] [$($v)*] [$($r)* $service,] [$($a)*] [$($w)*] $($rest)*);
    };
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [action ($($module:tt)+) $service:ty] $($rest:tt)*) => {
        impl $crate::action::Served for $service {
            type Definition = $($module)+::action::Registered_<$service>;
        }
        $crate::serve!(@sort [$($e)*] [$($v)*] [$($r)*] [$($a)* $service,] [$($w)*] $($rest)*);
    };
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [view ($($module:tt)+) $view:ty] $($rest:tt)*) => {
        impl $crate::view::Served for $view {
            const SERVICE: &'static str = $($module)+::SERVICE;
        }
        $crate::serve!(@sort [$($e)*] [$($v)*] [$($r)*] [$($a)*] [$($w)* $view,] $($rest)*);
    };
    (@sort [$($e:ty,)*] [$($v:ty,)*] [$($r:ty,)*] [$($a:ty,)*] [$($w:ty,)*]) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            static SERVICES: $crate::abi::Services = $crate::abi::Services {
                event_sourced: &[$(
                    &$crate::event_sourced::Running::<<$e as $crate::event_sourced::Served>::Definition>::new(),
                )*],
                value: &[$(&$crate::value::Running::<<$v as $crate::value::Served>::Definition>::new(),)*],
                replicated: &[$(&$crate::replicated::Running::<<$r as $crate::replicated::Served>::Definition>::new(),)*],
                action: &[$(&$crate::action::Running::<<$a as $crate::action::Served>::Definition>::new(),)*],
                view: &[$(&$crate::view::Running::<$w>::new(),)*],
            };
            $crate::serve!(@about);
            $crate::serve!(@event_sourced $($e)*);
            $crate::serve!(@value $($v)*);
            $crate::serve!(@replicated $($r)*);
            $crate::serve!(@action $($a)*);
            $crate::serve!(@view $($w)*);
        };
    };
    (@sort [$($e:tt)*] [$($v:tt)*] [$($r:tt)*] [$($a:tt)*] [$($w:tt)*] [$kind:ident $($rest:tt)*] $($more:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "`", ::core::stringify!($kind), "` is no kind of service; there are event_sourced, value, replicated and action, and view"
        ));
    };

    (@about) => {
        #[unsafe(export_name = "cabi_realloc")]
        unsafe extern "C" fn realloc(old: *mut u8, old_size: usize, align: usize, size: usize) -> *mut u8 {
            unsafe { $crate::abi::realloc(old, old_size, align, size) }
        }

        #[unsafe(export_name = "innkeeper:guest/about@0.2.0#describe")]
        extern "C" fn describe() -> usize {
            $crate::abi::describe(&SERVICES, ::core::include_bytes!(::core::concat!(::core::env!("OUT_DIR"), "/component.binpb")))
        }

        $crate::serve!(@post "innkeeper:guest/about@0.2.0#describe" describe_post);
    };

    (@post $name:literal $function:ident) => {
        #[unsafe(export_name = ::core::concat!("cabi_post_", $name))]
        extern "C" fn $function(_: usize) {
            $crate::abi::release();
        }
    };

    (@event_sourced) => {};
    (@event_sourced $($service:ty)+) => {
        #[unsafe(export_name = "innkeeper:guest/event-sourced@0.2.0#decide")]
        extern "C" fn event_sourced_decide(
            s: usize, sn: usize, e: usize, en: usize, case: u32, b: usize, bn: usize, c: usize, cn: usize, want_state: u32,
        ) -> usize {
            $crate::abi::event_sourced_decide(&SERVICES, [s, sn], [e, en], case, [b, bn], [c, cn], want_state)
        }
        $crate::serve!(@post "innkeeper:guest/event-sourced@0.2.0#decide" event_sourced_decide_post);

        #[unsafe(export_name = "innkeeper:guest/event-sourced@0.2.0#evolve")]
        extern "C" fn event_sourced_evolve(
            s: usize, sn: usize, _e: usize, _en: usize, case: u32, b: usize, bn: usize, v: usize, vn: usize, _want_state: u32,
        ) -> usize {
            $crate::abi::event_sourced_evolve(&SERVICES, [s, sn], case, [b, bn], [v, vn])
        }
        $crate::serve!(@post "innkeeper:guest/event-sourced@0.2.0#evolve" event_sourced_evolve_post);
    };

    (@value) => {};
    (@value $($service:ty)+) => {
        #[unsafe(export_name = "innkeeper:guest/value@0.2.0#decide")]
        extern "C" fn value_decide(
            s: usize, sn: usize, e: usize, en: usize, case: u32, b: usize, bn: usize, c: usize, cn: usize,
        ) -> usize {
            $crate::abi::value_decide(&SERVICES, [s, sn], [e, en], case, [b, bn], [c, cn])
        }
        $crate::serve!(@post "innkeeper:guest/value@0.2.0#decide" value_decide_post);
    };

    (@replicated) => {};
    (@replicated $($service:ty)+) => {
        #[unsafe(export_name = "innkeeper:guest/replicated@0.2.0#reads")]
        extern "C" fn replicated_reads(
            s: usize, sn: usize, m: usize, mn: usize, p: usize, pn: usize, h: usize, hn: usize, now: f64, s0: u32, s1: u32, s2: u32, s3: u32,
            _principal: u32, _p: usize, _pn: usize,
        ) -> usize {
            $crate::abi::replicated_reads(&SERVICES, [s, sn], [m, mn], [p, pn], [h, hn], now, [s0, s1, s2, s3])
        }
        $crate::serve!(@post "innkeeper:guest/replicated@0.2.0#reads" replicated_reads_post);

        #[unsafe(export_name = "innkeeper:guest/replicated@0.2.0#decide")]
        extern "C" fn replicated_decide(tuple: usize) -> usize {
            $crate::abi::replicated_decide(&SERVICES, tuple)
        }
        $crate::serve!(@post "innkeeper:guest/replicated@0.2.0#decide" replicated_decide_post);

        #[unsafe(export_name = "innkeeper:guest/replicated@0.2.0#render")]
        extern "C" fn replicated_render(tuple: usize) -> usize {
            $crate::abi::replicated_render(&SERVICES, tuple)
        }
        $crate::serve!(@post "innkeeper:guest/replicated@0.2.0#render" replicated_render_post);

        #[unsafe(export_name = "innkeeper:guest/replicated@0.2.0#changed")]
        extern "C" fn replicated_changed(
            s: usize, sn: usize, e: usize, en: usize, v: usize, vn: usize, l: usize, ln: usize, now: f64,
        ) -> usize {
            $crate::abi::replicated_changed(&SERVICES, [s, sn], [e, en], [v, vn], [l, ln], now)
        }
        $crate::serve!(@post "innkeeper:guest/replicated@0.2.0#changed" replicated_changed_post);

        #[unsafe(export_name = "innkeeper:guest/replicated@0.2.0#cancelled")]
        extern "C" fn replicated_cancelled(
            s: usize, sn: usize, e: usize, en: usize, v: usize, vn: usize, i: usize, il: usize, m: usize, mn: usize, t: usize, tn: usize, now: f64,
        ) -> usize {
            $crate::abi::replicated_cancelled(&SERVICES, [s, sn], [e, en], [v, vn], [i, il], [m, mn], [t, tn], now)
        }
        $crate::serve!(@post "innkeeper:guest/replicated@0.2.0#cancelled" replicated_cancelled_post);
    };

    (@action) => {};
    (@action $($service:ty)+) => {
        #[unsafe(export_name = "innkeeper:guest/action@0.2.0#call")]
        extern "C" fn action_call(s: usize, sn: usize, c: usize, cn: usize) -> usize {
            $crate::abi::action_call(&SERVICES, [s, sn], [c, cn])
        }
        $crate::serve!(@post "innkeeper:guest/action@0.2.0#call" action_call_post);

        #[unsafe(export_name = "innkeeper:guest/action@0.2.0#stream")]
        extern "C" fn action_stream(
            s: usize, sn: usize, m: usize, mn: usize, present: u32, b: usize, bn: usize, i: usize, il: usize, now: f64, s0: u32, s1: u32, s2: u32, s3: u32,
        ) -> usize {
            $crate::abi::action_stream(&SERVICES, [s, sn], [m, mn], present, [b, bn], [i, il], now, [s0, s1, s2, s3])
        }
        $crate::serve!(@post "innkeeper:guest/action@0.2.0#stream" action_stream_post);
    };

    (@view) => {};
    (@view $($view:ty)+) => {
        #[unsafe(export_name = "innkeeper:guest/view@0.2.0#keys")]
        extern "C" fn view_keys(v: usize, vn: usize, c: usize, cn: usize) -> usize {
            $crate::abi::view_keys(&SERVICES, [v, vn], [c, cn])
        }
        $crate::serve!(@post "innkeeper:guest/view@0.2.0#keys" view_keys_post);

        #[unsafe(export_name = "innkeeper:guest/view@0.2.0#project")]
        extern "C" fn view_project(v: usize, vn: usize, c: usize, cn: usize, r: usize, rn: usize) -> usize {
            $crate::abi::view_project(&SERVICES, [v, vn], [c, cn], [r, rn])
        }
        $crate::serve!(@post "innkeeper:guest/view@0.2.0#project" view_project_post);
    };

    ($($kind:ident: $($module:ident)::+ => $service:ty),+ $(,)?) => {
        $crate::serve!(@sort [] [] [] [] [] $([$kind ($($module)::+) $service])+);
    };
}

/// Messages and services of the project's `.proto` files, as `inn build` and `innkeeper-build` generate them: modules named as
/// the packages.
#[macro_export]
macro_rules! include_proto {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/innkeeper.rs"));
    };
}
