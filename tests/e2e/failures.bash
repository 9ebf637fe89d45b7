# What happens while parts of Holdpoint go: read by tests/e2e/chart.bash. A promise of a time gets slack here, as
# the machine of a test is a slow one; the time itself is told.
slack=10

# 100 writes per second that the webhook has to see. Of 40 objects two are Deployments that are held: of them it
# reads policy, base, request and approvals anew for every write.
for number in 1 2; do quiet developer create deployment "held-$number" --image=holdpoint.test/demo:1; done
targets=(deployments/held-1 deployments/held-2)
for number in {0..37}; do targets+=("configmaps/load-$number"); done
start_load() {
  "$HOLDPOINT_BIN/holdpoint-load" --kubeconfig "$KUBECONFIG" "${targets[@]}" >"$work/load.out" 2>&1 &
  load=$!
}
end_load() { # How it went is in load.out; returns whether all went well.
  local status=0
  kill "$load"
  wait "$load" || status=$?
  load=''
  ((status < 2)) || fail "the load: $(cat "$work/load.out")"
  told "$(tail -n 1 "$work/load.out")"
  return "$status"
}
none_failed() { end_load || fail "$1: $(head -n 20 "$work/load.out")"; }

pods_of() { kubectl get pods -n "$home" -l "app.kubernetes.io/component=$1" "${@:2}"; }
rolled_out() { # rolled_out PART: all that there is of it is new and ready
  kubectl rollout status "deployment/holdpoint-$1" -n "$home" --timeout=1s >/dev/null &&
    (($(pods_of "$1" -o name | wc -l) == $(kubectl get deployment "holdpoint-$1" -n "$home" -o jsonpath='{.spec.replicas}')))
}
leader() { kubectl get lease holdpoint-operator -n "$home" -o jsonpath='{.spec.holderIdentity}'; }
leading_pod() { local holder && holder=$(leader) && echo "${holder%_*}"; }
kill_container() { # kill_container POD: as if the kernel had
  local id
  id=$(kubectl get pod "$1" -n "$home" -o jsonpath='{.status.containerStatuses[0].containerID}')
  quiet hack/cluster exec "$cluster" ctr --namespace k8s.io tasks kill --signal SIGKILL "${id#containerd://}"
}
request_of() { # request_of KIND NAME: the one that waits
  kubectl get approvalrequests -n production -o json | jq -er --arg kind "$1" --arg name "$2" '[.items[]
    | select(.spec.target.kind == $kind and .spec.target.name == $name and (.status.phase // "Pending") == "Pending")][0].metadata.name'
}
phase() { kubectl get approvalrequest "$1" -n production -o jsonpath='{.status.phase}'; }
is_released() { [[ $(phase "$1") == Released ]]; }
held_deployment() { # held_deployment NAME: prints its request
  developer create deployment "$1" --image=holdpoint.test/demo:1 >/dev/null 2>&1
  request_of Deployment "$1"
}
issuer() { # Whose key signed the leaf.
  kubectl get secret holdpoint-webhook-tls -n "$home" -o jsonpath="{.data.tls\.crt}" | base64 -d |
    openssl x509 -noout -ext authorityKeyIdentifier | tail -n 1
}
first_issuer=$(issuer)
approve() { # approve REQUEST, with plain kubectl: that does not wait for what comes of it
  jq -n --arg name "$1" '{apiVersion: "holdpoint.dev/v1alpha1", kind: "Approval", metadata: {name: $name, namespace: "production"},
    spec: {request: {name: $name}, decision: "Approve", reason: "tried"}}' >"$work/approval.json"
  quiet kubectl --context lead create -f "$work/approval.json"
}
facts() { kubectl get auditrecords -n "$home" -o json; }

start_load
begin=$(now)
quiet helm upgrade holdpoint charts/holdpoint -n "$home" --wait --timeout 3m -f "$work/values.yaml" --set image.tag=test
told "helm upgrade --wait: $(since "$begin") s"
within 60 rolled_out webhook
within 60 rolled_out operator
none_failed "a write failed while webhook and operator were rolled"
[[ $(kubectl get pods -n "$home" -o jsonpath='{.items[*].spec.containers[0].image}' | tr ' ' '\n' | sort -u) == holdpoint/holdpoint:test ]] ||
  fail "pods of the version before are left"
step "upgraded from the version before under load: no write failed"

if ((soak > 0)); then
  start_load
  end=$((SECONDS + soak * 60)) rounds=0
  while ((SECONDS < end)); do
    for part in webhook operator; do quiet kubectl rollout restart "deployment/holdpoint-$part" -n "$home"; done
    within 90 rolled_out webhook
    within 90 rolled_out operator
    rounds=$((rounds + 1))
  done
  none_failed "a write failed in $rounds restarts"
  step "restarted $rounds times under load: no write failed"
fi

start_load
sleep 3
pod=$(pods_of webhook -o name | sed -n 1p)
begin=$(now)
kill_container "${pod#pod/}"
sleep 10
# An API server calls the other replica half of the time, and this one until it knows that its endpoint is gone.
if ! end_load; then
  last=$(sed -nE 's/^failed at ([0-9.]+) .*/\1/p' "$work/load.out" | sort -n | tail -n 1)
  told "killed -9: the last failure was $(jq -n "($last - $begin) * 1000 | round / 1000") s after it"
  jq -en "$last - $begin < 2 + $slack" >/dev/null || fail "writes go on failing: $(tail -n 3 "$work/load.out")"
  ! grep '^failed at' "$work/load.out" | grep -vE 'connection refused|connection reset|EOF|broken pipe|use of closed network connection|server closed idle connection' || fail "writes failed otherwise, as shown"
fi
step "a webhook process killed: only what was on its way to it failed"

# Ten changes are approved in the moment in which nobody leads.
take_over() { # take_over HOW PROMISE COMMAND...: runs it, which ends the leader
  local how=$1 promise=$2 begin before names=() requests=() number took
  shift 2
  for number in {1..5}; do names+=("$how-$number"); done
  for name in "${names[@]}"; do requests+=("$(held_deployment "$name")"); done
  before=$(leader)
  begin=$(now)
  "$@"
  for request in "${requests[@]}"; do approve "$request"; done
  within $((promise + slack)) is_released "${requests[0]}"
  took=$(since "$begin")
  for request in "${requests[@]}"; do within 10 is_released "$request"; done
  [[ $(leader) != "$before" ]] || fail "the leader is the one that was ended"
  told "$how: another acts after $took s"
  facts | jq -e --arg requests "${requests[*]}" '[.items[].spec | select(.subject.request | IN($requests | split(" ")[]))]
    | group_by(.subject.request) | all(map(.fact) | sort == ["Approved", "Claimed", "Granted", "Released", "Requested"])' >"$work/out" ||
    fail "facts are lost or doubled: $(facts | jq -c '[.items[].spec | select(.subject.request != null) | [.subject.request, .fact]]')"
}
kill_leader() { kill_container "$(leading_pod)"; }
stop_leader() { kubectl delete pod "$(leading_pod)" -n "$home" --wait=false >/dev/null; }
take_over killed 17 kill_leader
take_over stopped 3 stop_leader
quiet kubectl-holdpoint --context auditor audit verify
step "the leader killed, then stopped: another acts, and no fact is lost or doubled"

quiet kubectl scale deployment holdpoint-operator -n "$home" --replicas=0
within 30 eval '[[ -z $(pods_of operator -o name) ]]'
held=$(held_deployment by-hand)
developer create configmap refused --from-literal=a=b --dry-run=client -o json |
  jq '.metadata.labels = {sensitive: "true"}' >"$work/refused.json"
! developer create -f "$work/refused.json" >"$work/out" 2>&1 || fail "a gated change was stored while no operator runs"
refused=$(request_of ConfigMap refused)
for request in "$held" "$refused"; do approve "$request"; done
quiet developer create -f "$work/refused.json"
[[ $(developer get deployment by-hand -o jsonpath='{.spec.paused}') == true ]] || fail "who released it?"
quiet kubectl-holdpoint --context developer resume deployment/by-hand -n production
quiet kubectl scale deployment holdpoint-operator -n "$home" --replicas=2
for request in "$held" "$refused"; do within $((17 + slack)) is_released "$request"; done
quiet kubectl-holdpoint --context auditor audit verify
step "without an operator approvals decide, a person resumes, and the trail follows"

begin=$(now)
node_off
refused=$(now)
! developer create deployment while-off --image=holdpoint.test/demo:1 >"$work/out" 2>&1 || fail "stored without a webhook"
grep -q 'failed calling webhook' "$work/out" || fail "refused for another reason: $(cat "$work/out")"
told "a gated write is refused after $(since "$refused") s"
quiet developer create configmap free --from-literal=a=b
quiet developer scale deployment/shop --replicas=3
quiet kubectl --context developer -n staging create deployment free --image=holdpoint.test/demo:1
node_on
holds() { developer create deployment after-restart --image=holdpoint.test/demo:1 2>&1 | grep 'held until approved'; }
within 90 holds
told "gated writes are judged again $(since "$begin") s after the node went"
within 60 shop_serves
within 60 rolled_out webhook
within 60 rolled_out operator
step "no webhook: gated writes are refused, others are not; the node restarts and nobody has to do anything"

turned_over() { [[ -n $(issuer) && $(issuer) != "$first_issuer" ]]; }
start_load
within 400 turned_over
sleep 20 # Until the pods have read it, and API servers have called them again.
none_failed "a write failed while certificates were turned over"
step "leaf and authority were turned over under load: no write failed"

# Once for the node, and one webhook for the signal.
restarts=$(kubectl get pods -n "$home" -o json | jq '[.items[].status.containerStatuses[].restartCount] | add')
((restarts == 5)) || fail "$restarts restarts, but five were ours"
quiet kubectl-holdpoint --context admin doctor
