"""Start ministack, the local AWS, with the differences from AWS that matter mended.

Each `mend_*` below says what is different, why that matters here, and changes
as little as it can. They reach into the emulator's private names, so the
version is pinned and `need` stops the start, loudly, when a name is gone:
a silent miss would show up much later as an odd test.

    LAMBDA_LOG=FILE python launcher.py      (the rest of the settings are ministack's own)
"""

import contextvars
import datetime
import importlib.metadata
import inspect
import json
import os
import socketserver
import sys
import threading

TESTED_WITH = "1.5.33"


def fail(message: str) -> None:
    sys.exit(f"launcher: {message}. It is written for ministack {TESTED_WITH}.")


def need(owner, name: str, parameters: str | None = None):
    """The attribute, or a clear end: also when its parameters are not those expected."""
    where = f"{getattr(owner, '__name__', owner)}.{name}"
    found = getattr(owner, name, None)
    if found is None:
        fail(f"{where} is gone")
    if parameters is not None:
        actual = " ".join(inspect.signature(found).parameters)
        if not actual.startswith(parameters):
            fail(f"{where} takes ({actual}), expected ({parameters} …)")
    return found


def need_handlers(provisioners, resource: str) -> dict:
    handlers = need(provisioners, "_RESOURCE_HANDLERS").get(resource)
    if not handlers or not {"create", "update"} <= handlers.keys():
        fail(f"the handlers of {resource} are gone")
    return handlers


# --- speed -------------------------------------------------------------------


def mend_nagle() -> None:
    """The runtime API writes header and body separately, and Nagle's algorithm
    holds the second back for 40 ms on every invocation."""
    need(socketserver.StreamRequestHandler, "disable_nagle_algorithm")
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def mend_backlog(server) -> None:
    """A hundred connections may wait to be accepted, and those of the next hundred
    clients are dropped, to be tried again a second later, and three after that:
    functions give up on AWS before. AWS's own door is wider."""
    need(server, "backlog")
    server.backlog = 2048


def mend_log_wait(runtime) -> None:
    """After an answer the emulator waits up to 50 ms for a first log line. Two
    are enough: a later line is picked up with the next invocation."""
    drain = need(runtime.Worker, "_drain_stderr_bounded", "self first_line_wait")
    drain.__defaults__ = (0.002, *drain.__defaults__[1:])


def mend_queue_gap(lambda_svc) -> None:
    """The poller of the queues is woken by a message, but after a wake that found
    nothing it sleeps 50 ms first, and the end of every batch is such a wake: in a
    chain of two queues each message would pay it."""
    need(lambda_svc, "_ESM_IDLE_WAKE_GAP_SECONDS")
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = 0.001


# --- workers -----------------------------------------------------------------


def mend_old_versions(runtime, lambda_svc) -> None:
    """The first process of every version is kept for ever, and each deployment makes
    a version of every function: after five there would be hundreds of processes,
    each with its connection to Postgres. AWS lets go of what is not asked any more:
    that is every version that no alias leads to, after a rollback the newest one."""
    reap = need(lambda_svc, "reap_idle_workers", "ttl")
    workers, lock = need(runtime, "_workers"), need(runtime, "_lock")
    kill, key = need(runtime, "kill_workers", "workers"), need(runtime, "_worker_key", "func_name config qualifier")
    functions = need(lambda_svc, "_functions")
    need(functions, "get_scoped", "account_id region key")
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    if not key("f", {"FunctionArn": arn}, "7").endswith(":f:7"):
        fail("the keys of workers have another form")

    def reap_old_versions(ttl=None):
        reaped = reap(ttl)
        with lock:
            old = []
            for full in workers:
                account, region, name, version = full.split(":")
                function = functions.get_scoped(account, region, name) or {}
                called = {alias["FunctionVersion"] for alias in function.get("aliases", {}).values()}
                if version.isdigit() and called and version not in called:
                    old.append(full)
            # One that is in use is met again in half a minute.
            idle = [full for full in old if not any(worker.in_use for worker in workers[full])]
            doomed = [worker for full in idle for worker in workers.pop(full)]
        kill(doomed)
        return reaped + len(doomed)

    lambda_svc.reap_idle_workers = reap_old_versions


# --- API Gateway -------------------------------------------------------------


def mend_stage_in_path(apigateway) -> None:
    """With a named stage, AWS's `rawPath` and `http.path` begin with `/<stage>`;
    the emulator leaves it out, and a router tested here would fail there."""
    invoke = need(apigateway, "_invoke_lambda_proxy", "integration api_id stage path")

    async def with_stage(integration, api_id, stage, path, *args, **kwargs):
        full = path if stage == "$default" else f"/{stage}{path}"
        return await invoke(integration, api_id, stage, full, *args, **kwargs)

    apigateway._invoke_lambda_proxy = with_stage


def mend_source_ip(apigateway, app_module) -> None:
    """`http.sourceIp` is always 127.0.0.1 there. Limits per address can only be
    tested with the caller's own, and a client may bind to any of 127.0.0.0/8."""
    app = need(app_module, "app", "scope receive send")
    run = need(apigateway, "run_reentrant", "fn")
    caller = contextvars.ContextVar("caller", default=None)

    async def remembering(scope, receive, send):
        if scope["type"] == "http" and scope.get("client"):
            caller.set(scope["client"][0])
        await app(scope, receive, send)

    async def with_ip(function, *args, **kwargs):
        for event in args:
            if isinstance(event, dict) and event.get("version") == "2.0" and caller.get():
                event["requestContext"]["http"]["sourceIp"] = caller.get()
        return await run(function, *args, **kwargs)

    app_module.app = remembering
    apigateway.run_reentrant = with_ip


def mend_cors(provisioners) -> None:
    """CloudFormation spells the CORS properties `AllowOrigins`; the emulator
    stores them as they come and reads `allowOrigins`."""
    handlers = need_handlers(provisioners, "AWS::ApiGatewayV2::Api")
    create, update = handlers["create"], handlers["update"]

    def respelled(properties):
        cors = properties.get("CorsConfiguration")
        if not isinstance(cors, dict):
            return properties
        return {**properties, "CorsConfiguration": {k[0].lower() + k[1:]: v for k, v in cors.items()}}

    handlers["create"] = lambda logical, new, stack: create(logical, respelled(new), stack)
    handlers["update"] = lambda physical, old, new, stack, logical=None: update(
        physical, old, respelled(new), stack, logical
    )


def mend_connect_refusal(apigateway) -> None:
    """AWS passes the status of a refused `$connect` on to the client (401, 429);
    the emulator closes the handshake, which clients see as 403."""
    invoke = need(apigateway, "_invoke_ws_lambda", "api_id account_id region route stage connection_id event_type")
    handle = need(apigateway, "handle_websocket", "scope receive send")
    refuse = need(apigateway, "_refuse_ws_handshake", "scope send status message connection_id request_id")
    statuses = contextvars.ContextVar("statuses", default=None)

    async def recording(*args, **kwargs):
        answer = await invoke(*args, **kwargs)
        if statuses.get() is not None and args[6] == "CONNECT":
            statuses.get().append(int((answer or {}).get("statusCode", 500)))
        return answer

    async def handling(scope, receive, send, *args, **kwargs):
        seen: list[int] = []
        statuses.set(seen)
        accepted = False

        async def passing_on(message):
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            closing = message["type"] == "websocket.close"
            if closing and not accepted and seen and not 200 <= seen[-1] < 300:
                text = "Unauthorized" if seen[-1] == 401 else "Forbidden"
                await refuse(scope, send, seen[-1], text, "", "")
            else:
                await send(message)

        await handle(scope, receive, passing_on, *args, **kwargs)

    apigateway._invoke_ws_lambda = recording
    apigateway.handle_websocket = handling


def mend_route_response(apigateway, provisioners) -> None:
    """A WebSocket route answers its caller only when it has a route response.
    The emulator's CloudFormation does not know that resource, and it answers
    from every route; both are put right, so that a template that forgets the
    resource fails here and not on AWS."""
    create = need(apigateway, "_create_route_response", "api_id route_id data")
    delete = need(apigateway, "_delete_route_response", "api_id route_id rr_id")
    responses = need(apigateway, "_route_responses")
    invoke = need(apigateway, "_invoke_ws_lambda", "args")
    handlers = need(provisioners, "_RESOURCE_HANDLERS")
    if "AWS::ApiGatewayV2::RouteResponse" in handlers:
        fail("ministack has learnt AWS::ApiGatewayV2::RouteResponse; drop mend_route_response")

    def route_of(properties):
        # The emulator's Ref of a route is "<api>/<route>".
        return properties["ApiId"], properties["RouteId"].rpartition("/")[2]

    def made(_logical, properties, _stack):
        api, route = route_of(properties)
        status, _, body = create(api, route, {"routeResponseKey": properties["RouteResponseKey"]})
        if status >= 400:
            raise ValueError(f"AWS::ApiGatewayV2::RouteResponse create failed: {body!r}")
        return json.loads(body)["routeResponseId"], {}

    def removed(physical, properties):
        delete(*route_of(properties), physical)

    handlers["AWS::ApiGatewayV2::RouteResponse"] = {"create": made, "delete": removed}

    async def answering(*args, **kwargs):
        answer = await invoke(*args, **kwargs)
        api, route, event_type = args[0], args[3], args[6]
        answers = responses.get(api, {}).get(route.get("routeId")) and route.get("routeResponseSelectionExpression")
        if event_type == "MESSAGE" and answer and not answers:
            return {**answer, "body": ""}
        return answer

    apigateway._invoke_ws_lambda = answering


# --- EventBridge Scheduler ---------------------------------------------------


def mend_schedule_input(eventbridge) -> None:
    """A schedule's `Input` may hold `<aws.scheduler.scheduled-time>` and the like,
    which AWS fills in and the emulator sends as they stand."""
    invoke = need(eventbridge, "_invoke_target", "target event rule")

    def filled(target, event, rule, *rest):
        if event.get("Source") == "aws.scheduler" and target.get("Input"):
            fired = datetime.datetime.fromtimestamp(int(event["Time"]), datetime.timezone.utc)
            values = {
                "scheduled-time": fired.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "execution-id": event["EventId"],
                "schedule-arn": event["Resources"][0],
                "attempt-number": "1",
            }
            text = target["Input"]
            for name, value in values.items():
                text = text.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": text}
        return invoke(target, event, rule, *rest)

    eventbridge._invoke_target = filled


# --- CloudFormation ----------------------------------------------------------


def mend_nested_transform(engine) -> None:
    """Transforms are applied to the root template only; each feature is a nested
    stack that uses SAM. The provisioner looks `_parse_template` up when it runs,
    and transforming a template that has none left changes nothing."""
    parse = need(engine, "_parse_template", "template_body")
    transform = need(engine, "_apply_transforms", "template")
    engine._parse_template = lambda body: transform(parse(body))


def mend_nested_update(provisioners, stacks) -> None:
    """When a nested stack is updated, the attributes of its unchanged resources
    are dropped, so that a GetAtt on one of them fails."""
    update = need(provisioners, "_update_resource", "resource_type physical_id old_props new_props stack_name logical_id old_attrs")

    def keeping(kind, physical, old, new, stack, logical=None, attributes=None):
        if attributes is None:
            resources = (stacks.get(stack) or {}).get("_resources", {})
            attributes = (resources.get(logical) or {}).get("Attributes", {})
        return update(kind, physical, old, new, stack, logical, attributes)

    provisioners._update_resource = keeping


# --- logs --------------------------------------------------------------------


def tee_logs(lambda_svc) -> None:
    """Not a difference, a convenience: each line a function logs is also appended
    to LAMBDA_LOG as "<function><TAB><line>", which `cargo local logs` follows."""
    path = os.environ.pop("LAMBDA_LOG", None)
    emit = need(lambda_svc, "_emit_lambda_logs", "func request_id log_text")
    if not path:
        return
    file = open(path, "a", encoding="utf-8", buffering=1)
    lock = threading.Lock()

    def teeing(function, request_id, text, *args, **kwargs):
        name = (function.get("config") or function).get("FunctionName", "?")
        lines = [f"{name}\t{line}\n" for line in (text or "").splitlines() if line.strip()]
        with lock:
            file.writelines(lines)
        return emit(function, request_id, text, *args, **kwargs)

    lambda_svc._emit_lambda_logs = teeing


def main() -> None:
    version = importlib.metadata.version("ministack")
    if version != TESTED_WITH:
        fail(f"found ministack {version}")

    # Before the imports below: the functions inherit the environment.
    mend_nagle()

    import hypercorn.config
    import ministack.core.lambda_runtime as runtime
    import ministack.services.apigateway as apigateway
    import ministack.services.cloudformation as cloudformation
    import ministack.services.cloudformation.engine as engine
    import ministack.services.cloudformation.provisioners as provisioners
    import ministack.services.eventbridge as eventbridge
    import ministack.services.lambda_svc as lambda_svc
    from ministack import app as app_module

    mend_backlog(hypercorn.config.Config)
    mend_log_wait(runtime)
    mend_queue_gap(lambda_svc)
    mend_old_versions(runtime, lambda_svc)
    mend_stage_in_path(apigateway)
    mend_source_ip(apigateway, app_module)
    mend_cors(provisioners)
    mend_connect_refusal(apigateway)
    mend_route_response(apigateway, provisioners)
    mend_schedule_input(eventbridge)
    mend_nested_transform(engine)
    mend_nested_update(provisioners, need(cloudformation, "_stacks"))
    tee_logs(lambda_svc)

    sys.argv = ["ministack"]
    app_module.main()


if __name__ == "__main__":
    main()
