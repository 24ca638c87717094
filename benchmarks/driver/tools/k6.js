// N virtual users on a connection each, as k6 does it, each sending its next request when it has the answer.
import grpc from 'k6/net/grpc';
import { Counter } from 'k6/metrics';

const client = new grpc.Client();
client.load([__ENV.PROTO_DIRECTORY], 'predict.proto');
const failed = new Counter('failed');
export const options = { vus: Number(__ENV.IN_FLIGHT), duration: __ENV.DURATION };
let connected = false;

export default function () {
  if (!connected) {
    client.connect(__ENV.TARGET, { plaintext: true });
    connected = true;
  }
  const answer = client.invoke('tensorflow.serving.PredictionService/Predict', {});
  if (answer.status !== grpc.StatusOK) failed.add(1);
}
