{{/*
The sidecar's container: "redis-sidecar.nativeSidecar" for initContainers, "redis-sidecar.container" for containers
(first of them). One line each:
    initContainers:
      {{- include "redis-sidecar.nativeSidecar" . | nindent 8 }}
*/}}

{{- define "redis-sidecar.nativeSidecar" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
- {{ include "redis-sidecar.spec" (dict "c" $c "kind" "native") | nindent 2 | trim }}
{{- end -}}

{{- define "redis-sidecar.container" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
{{- if not (semverCompare ">=1.30.0-0" $c.Capabilities.KubeVersion.Version) -}}
{{- fail "a plain container needs Kubernetes 1.30 (preStop sleep) to outlive the app: use native: true, or redis-sidecar.nativeSidecar" -}}
{{- end -}}
- {{ include "redis-sidecar.spec" (dict "c" $c "kind" "plain") | nindent 2 | trim }}
{{- end -}}

{{/* Of one container: {c, kind}; kind is native, plain, alone, or check, which says what is wrong and ends. */}}
{{- define "redis-sidecar.spec" -}}
{{- $c := .c -}}
{{- $in := include "redis-sidecar.directory" $c -}}
{{- $config := include "redis-sidecar.config" $c | fromYaml -}}
name: {{ $c.Chart.Name }}
image: {{ include "redis-sidecar.image" $c }}
imagePullPolicy: {{ $c.Values.image.pullPolicy }}
{{- if eq .kind "native" }}
restartPolicy: Always
{{- end }}
args: [{{ if eq .kind "check" }}check, {{ end }}--config, {{ $in }}/config.yaml]
{{- with include "redis-sidecar.env" $c | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- if ne .kind "check" }}
{{- with include "redis-sidecar.ports" $config | trim }}
ports:
  {{- . | nindent 2 }}
{{- end }}
{{- include "redis-sidecar.probes" (dict "c" $c "config" $config) }}
{{- end }}
{{- with include "redis-sidecar.lifecycle" (dict "c" $c "kind" .kind) }}
lifecycle:
  {{- . | nindent 2 }}
{{- end }}
{{- with $c.Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: {{ $c.Chart.Name }}
    mountPath: {{ $in }}
    readOnly: true
  {{- with $c.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What there is no file for in config.yaml. */}}
{{- define "redis-sidecar.env" -}}
{{- $secrets := .Values.secrets -}}
{{- range $variable, $secret := dict "REDIS_URL" $secrets.url "SIDECAR_LISTEN_PASSWORD" $secrets.listenPassword }}
{{- if $secret.name }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name }}
      key: {{ $secret.key }}
{{- end }}
{{- end }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "redis-sidecar.ports" -}}
{{- if include "redis-sidecar.isReachable" (dict "config" . "key" "listen") }}
- name: redis
  containerPort: {{ include "redis-sidecar.port" (dict "config" . "key" "listen") }}
{{- end }}
{{- if include "redis-sidecar.isReachable" (dict "config" . "key" "admin") }}
- name: redis-admin
  containerPort: {{ include "redis-sidecar.port" (dict "config" . "key" "admin") }}
{{- end }}
{{- end -}}

{{/* By HTTP where the kubelet reaches the admin port; by the binary itself where only the pod does: {c, config}. */}}
{{- define "redis-sidecar.probes" -}}
{{- $c := .c -}}
{{- $isReachable := include "redis-sidecar.isReachable" (dict "config" .config "key" "admin") -}}
{{- $grace := include "redis-sidecar.seconds" (dict "path" "breaker.grace" "text" (dig "breaker" "grace" "3s" .config)) | int -}}
{{- if include "redis-sidecar.port" (dict "config" .config "key" "admin") -}}
{{- range $name, $route := dict "startup" "startup" "readiness" "ready" "liveness" "live" }}
{{- with get $c.Values.probes $name }}
{{- $probe := deepCopy . }}
{{- if and (eq $name "startup") (not .failureThreshold) }}
{{- /* Commands wait for a first connection for breaker.grace; until then /startup says 503. */}}
{{- $_ := set $probe "failureThreshold" (div (add 60 $grace) (.periodSeconds | default 10 | int64) | max 3) }}
{{- end }}
{{- if $isReachable }}
{{- $_ := set $probe "httpGet" (dict "path" (printf "/%s" $route) "port" "redis-admin") }}
{{- else }}
{{- $_ := set $probe "exec" (include "redis-sidecar.wait" (dict "c" $c "for" $route "timeout" (printf "%vs" (.timeoutSeconds | default 1))) | fromYaml) }}
{{- end }}
{{ $name }}Probe:
  {{- toYaml $probe | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* An exec action that asks the sidecar beside it: {c, for, timeout}. */}}
{{- define "redis-sidecar.wait" -}}
command: [{{ .c.Values.image.binary }}, wait, --for, {{ .for }}, --timeout, {{ .timeout }}, --config, {{ include "redis-sidecar.directory" .c }}/config.yaml]
{{- end -}}

{{/*
Native: Kubernetes itself starts it before the app and ends it after. Plain: the kubelet starts the next container once
postStart is over, and sends SIGTERM to all at once, to each after its preStop. Alone: until nobody is sent here any more.
{c, kind}.
*/}}
{{- define "redis-sidecar.lifecycle" -}}
{{- $shutdown := .c.Values.shutdown -}}
{{- $sleeps := semverCompare ">=1.30.0-0" .c.Capabilities.KubeVersion.Version -}}
{{- if eq .kind "plain" -}}
postStart:
  exec:
    {{- include "redis-sidecar.wait" (dict "c" .c "for" "startup" "timeout" "60s") | nindent 4 }}
{{- /* A sleep of 0 is refused by Kubernetes before 1.33. */}}
{{- if $shutdown.appSeconds }}
preStop:
  sleep:
    seconds: {{ $shutdown.appSeconds }}
{{- end }}
{{- else if and (eq .kind "alone") $sleeps $shutdown.endpointsSeconds -}}
preStop:
  sleep:
    seconds: {{ $shutdown.endpointsSeconds }}
{{- end -}}
{{- end -}}
