"""The no-op server if there is no nghttpd: `grpc.aio`, a generic handler, constant bytes."""

from __future__ import annotations

import asyncio
import sys

import grpc
import grpc.aio


async def _answer(_request: bytes, _context: object) -> bytes:
    return b""


async def _serve(port: int) -> None:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    predict = {"Predict": grpc.unary_unary_rpc_method_handler(_answer)}
    handler = grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", predict)
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
