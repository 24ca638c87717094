"""A gRPC server without a model, for tests: requests tell it what to do. Prints its port, then serves.

`echo_server.py [CERTIFICATE KEY]`: over TLS.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc


def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
    """`fail 3 words`: that status; `sleep 0.5`: that delay; `size 1000`: that many bytes.

    `metadata`: the received metadata; `timing x`: that stage time; else an echo of the request.
    """
    verb, _, rest = request[:100].partition(b" ")
    if verb == b"fail":
        code, _, words = rest.decode().partition(" ")
        context.set_code(next(status for status in grpc.StatusCode if status.value[0] == int(code)))
        context.set_details(words)
        return b""
    if verb == b"sleep":
        time.sleep(float(rest))
    if verb == b"size":
        return bytes(int(rest))
    if verb == b"metadata":
        return repr(sorted((str(key), str(value)) for key, value in context.invocation_metadata())).encode()
    if verb == b"timing":
        context.set_trailing_metadata((("server-timing", rest.decode()),))
    return request


def main() -> None:
    """Serve until killed."""
    server = grpc.server(
        ThreadPoolExecutor(4),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    predict = {"Predict": grpc.unary_unary_rpc_method_handler(answer)}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", predict),)
    )
    if len(sys.argv) > 1:
        certificate, key = (Path(name).read_bytes() for name in sys.argv[1:])
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    sys.stdout.write(f"{port}\n")
    server.start()
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
