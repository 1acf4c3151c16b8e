{{- define "relax.name" -}}
{{- if contains "relax" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-relax" (.Release.Name | trunc 34 | trimSuffix "-") }}{{ end }}
{{- end }}

{{/* Arguments: root, component */}}
{{- define "relax.selector" -}}
app.kubernetes.io/name: relax
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "relax.labels" -}}
{{ include "relax.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "relax.image" -}}
{{- $repository := required "image.repository is required: no image of Relax is published yet; build one with the Dockerfile in the repository, push it to your registry, and set image.repository" .Values.image.repository -}}
{{- if .Values.image.digest }}{{ $repository }}@{{ .Values.image.digest }}{{ else }}{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* The uid that identifies this cluster; empty where helm can't query it: helm template, helm lint, most GitOps tools. */}}
{{- define "relax.clusterUid" -}}
{{- dig "metadata" "uid" "" (lookup "v1" "Namespace" "" "kube-system" | default dict) -}}
{{- end }}

{{/* Name of this installation's scope in Redis. */}}
{{- define "relax.cluster" -}}
{{- .Values.cluster | default (include "relax.clusterUid" .) | default (printf "%s.%s" .Release.Namespace .Release.Name) -}}
{{- end }}

{{/* The operator's identity in Redis (core/protocol/scope.ts): uid and the namespace of its Lease; empty when not known. */}}
{{- define "relax.owner" -}}
{{- $given := dict -}}
{{- range .Values.extraEnv }}{{ $_ := set $given .name (.value | default $.Release.Namespace) }}{{ end -}}
{{- $namespace := get $given "RELAX_LEADER_NAMESPACE" | default (get $given "POD_NAMESPACE") | default .Release.Namespace -}}
{{- with include "relax.clusterUid" . }}{{ printf "%s/%s" . $namespace }}{{ end -}}
{{- end }}

{{/* Of connectors on Node; Bun has no such options. */}}
{{- define "relax.nodeOptions" -}}
{{- if eq .Values.connector.runtime "node" }}{{ .Values.connector.nodeOptions }}{{ end -}}
{{- end }}

{{/* Arguments: root, program. The environment of both programs. */}}
{{- define "relax.env" -}}
{{- $config := .root.Values.config -}}
{{- $redis := .root.Values.redis -}}
- name: RELAX_POD
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
- name: RELAX_CLUSTER
  value: {{ include "relax.cluster" .root | quote }}
{{- $owner := include "relax.owner" .root }}
{{- if and $owner (eq .program "connector") }}
- name: RELAX_OWNER
  value: {{ $owner | quote }}
{{- end }}
- name: RELAX_FLEET_KEY_FILE
  value: /etc/relax/fleet-key/keys
- name: RELAX_METRICS_PORT
  value: {{ $config.metricsPort | quote }}
- name: RELAX_REDIS_URL
{{- if $redis.urlKey }}
  valueFrom:
    secretKeyRef:
      name: {{ required "redis.existingSecret is required with redis.urlKey: the Secret that holds the URL" $redis.existingSecret }}
      key: {{ $redis.urlKey }}
{{- else }}
  value: {{ required "redis.url is required: redis://host:6379/0, without a password (or redis.existingSecret and redis.urlKey)" $redis.url | quote }}
{{- end }}
{{- with $redis.username }}
- name: RELAX_REDIS_USERNAME
  value: {{ . | quote }}
{{- end }}
{{- if $redis.passwordKey }}
- name: RELAX_REDIS_PASSWORD_FILE
  value: /etc/relax/redis/password
{{- end }}
{{- if $redis.ca.existingSecret }}
- name: RELAX_REDIS_CA_FILE
  value: /etc/relax/redis-ca/ca.crt
{{- end }}
{{- $shared := dict "RELAX_QUEUE" $config.queue "RELAX_ALLOW_EVICTION" $config.allowEviction "RELAX_DEDUPE_WINDOW_SECONDS" $config.dedupeWindowSeconds "RELAX_SLACK_API_URL" $config.slackApiUrl "RELAX_LOG_LEVEL" $config.logLevel -}}
{{- $own := dict -}}
{{- if eq .program "operator" -}}
{{- $own = dict "RELAX_STATUS_WRITES_PER_SECOND" $config.statusWritesPerSecond "RELAX_CREDENTIALS_WRITE_BACK" (ternary "true" "" $config.credentialsWriteBack) "RELAX_WATCH_NAMESPACES" (join "," $config.watchNamespaces) "RELAX_CONNECTOR_SET" (printf "%s-connector" (include "relax.name" .root)) -}}
{{- else -}}
{{- with $config.queueUrgent -}}
{{- $tag := printf "{%s}:" ($config.queue | default "relax:events") -}}
{{- if not (hasPrefix $tag .) -}}
{{- fail (printf "config.queueUrgent must begin with %s, to be in the queue's hash slot: set for example %surgent" $tag $tag) -}}
{{- end -}}
{{- end -}}
{{- $own = dict "RELAX_QUEUE_URGENT" $config.queueUrgent "RELAX_QUEUE_MAX" $config.queueMax "RELAX_BUFFER_BYTES" $config.bufferBytes "RELAX_BUFFER_SECONDS" $config.bufferSeconds "RELAX_CAPACITY" $config.capacity "RELAX_GRACE_SECONDS" $config.graceSeconds "RELAX_COMMANDS" $config.commands "RELAX_CONNECTOR_RUNTIME" .root.Values.connector.runtime -}}
{{- end -}}
{{- $set := concat (keys $own $shared) (list "RELAX_POD" "RELAX_ZONE" "RELAX_CLUSTER" "RELAX_FLEET_KEY_FILE" "RELAX_METRICS_PORT" "RELAX_REDIS_URL" "RELAX_REDIS_USERNAME" "RELAX_REDIS_PASSWORD_FILE" "RELAX_REDIS_CA_FILE") -}}
{{- if and (eq .program "connector") (include "relax.nodeOptions" .root) }}{{ $set = append $set "NODE_OPTIONS" }}{{ end -}}
{{- if $owner }}{{ $set = append $set "RELAX_OWNER" }}{{ end -}}
{{- range $name, $value := merge $own $shared }}
{{- if or (and (eq $name "RELAX_COMMANDS") (kindIs "string" $value)) (not (or (kindIs "invalid" $value) (eq (toString $value) ""))) }}
- name: {{ $name }}
  value: {{ if kindIs "float64" $value }}{{ int64 $value | quote }}{{ else }}{{ $value | quote }}{{ end }}
{{- end }}
{{- end }}
{{- range .root.Values.extraEnv }}
{{- if has .name $set }}
{{- fail (printf "extraEnv: %s is set by the chart: use the value under config, redis, fleetKey, cluster, connector.zone, connector.runtime or connector.nodeOptions" .name) }}
{{- end }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end }}

{{- define "relax.volumes" -}}
- name: tmp
  emptyDir: {}
- name: fleet-key
  secret:
    secretName: {{ required "fleetKey.existingSecret is required; make it with: kubectl create secret generic relax-fleet-key --from-literal=keys=\"$(openssl rand -base64 32)\"" .Values.fleetKey.existingSecret }}
    items: [{ key: {{ .Values.fleetKey.key }}, path: keys }]
    defaultMode: 0440
{{- if .Values.redis.passwordKey }}
- name: redis
  secret:
    secretName: {{ required "redis.existingSecret is required with redis.passwordKey: the Secret that holds the password" .Values.redis.existingSecret }}
    items: [{ key: {{ .Values.redis.passwordKey }}, path: password }]
    defaultMode: 0440
{{- end }}
{{- if .Values.redis.ca.existingSecret }}
- name: redis-ca
  secret:
    secretName: {{ .Values.redis.ca.existingSecret }}
    items: [{ key: {{ .Values.redis.ca.key }}, path: ca.crt }]
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Directories, not single files with subPath: those would not follow a change of the Secret. */}}
{{- define "relax.volumeMounts" -}}
- { name: tmp, mountPath: /tmp }
- { name: fleet-key, mountPath: /etc/relax/fleet-key, readOnly: true }
{{- if .Values.redis.passwordKey }}
- { name: redis, mountPath: /etc/relax/redis, readOnly: true }
{{- end }}
{{- if .Values.redis.ca.existingSecret }}
- { name: redis-ca, mountPath: /etc/relax/redis-ca, readOnly: true }
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Arguments: root, program. The part of a pod's spec that both programs share. */}}
{{- define "relax.podSpec" -}}
{{- $values := get .root.Values .program -}}
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: { type: RuntimeDefault }
containers:
  - name: {{ .program }}
    image: {{ include "relax.image" .root | quote }}
    imagePullPolicy: {{ .root.Values.image.pullPolicy }}
    args: [{{ .program }}]
    env:
      {{- include "relax.env" . | nindent 6 }}
      {{- if eq .program "connector" }}
      {{- with include "relax.nodeOptions" .root }}
      - name: NODE_OPTIONS
        value: {{ . | quote }}
      {{- end }}
      - name: RELAX_ZONE
        {{- if $values.zone }}
        value: {{ $values.zone | quote }}
        {{- else }}
        valueFrom: { fieldRef: { fieldPath: "metadata.labels['topology.kubernetes.io/zone']" } }
        {{- end }}
      {{- end }}
    ports:
      - { name: metrics, containerPort: {{ .root.Values.config.metricsPort }} }
    # Anything that answers is alive. A connector whose Redis is away is alive but not ready, so it is not restarted.
    livenessProbe:
      httpGet: { path: /healthz, port: metrics }
      initialDelaySeconds: 10
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: { path: /readyz, port: metrics }
      # A program needs a second or two until it listens; an earlier probe causes a Warning event and costs a whole period.
      initialDelaySeconds: 2
      periodSeconds: 5
      timeoutSeconds: 3
    resources: {{- toYaml $values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities: { drop: [ALL] }
    volumeMounts:
      {{- include "relax.volumeMounts" .root | nindent 6 }}
volumes:
  {{- include "relax.volumes" .root | nindent 2 }}
{{- end }}

{{/* Argument: root. Checks of the values that neither the schema nor `required` can express. */}}
{{- define "relax.check" -}}
{{- /* Checked only where there is a cluster: otherwise helm assumes an old version. */}}
{{- if and (include "relax.clusterUid" .) (semverCompare "<1.31.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail (printf "Kubernetes %s is too old: 1.31 or later is needed, for CEL rules and selectable fields of the CRD" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and .Values.redis.url .Values.redis.urlKey }}{{ fail "redis.url and redis.urlKey are both set: keep one" }}{{ end }}
{{- end }}

{{/* Argument: the weight, so that what the job needs exists before it. */}}
{{- define "relax.uninstallHook" -}}
helm.sh/hook: post-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end }}

{{- define "relax.uninstallSubject" -}}
- kind: ServiceAccount
  name: {{ include "relax.name" . }}-uninstall
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* Arguments: root, component, command, serviceAccount. The pod of a job that releases SlackBots. */}}
{{- define "relax.releaseJobPod" -}}
metadata:
  labels: {{- include "relax.selector" . | nindent 4 }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ .serviceAccount }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.operator.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.operator.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: release-finalizers
      image: {{ include "relax.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: {{- toYaml .command | nindent 8 }}
      env:
        {{- include "relax.env" (dict "root" .root "program" "operator") | nindent 8 }}
      resources: {{- toYaml .root.Values.operator.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        {{- include "relax.volumeMounts" .root | nindent 8 }}
  volumes:
    {{- include "relax.volumes" .root | nindent 4 }}
{{- end }}
