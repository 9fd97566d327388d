{{/* What the pod around the sidecar needs: volumes, labels, annotations, the time to end, the app's REDIS_URL. */}}

{{- define "redis-sidecar.volumes" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
{{- include "redis-sidecar.volumesOf" (dict "c" $c "configMap" (include "redis-sidecar.fullname" $c)) -}}
{{- end -}}

{{/* All files in one volume: {c, configMap}. */}}
{{- define "redis-sidecar.volumesOf" -}}
{{- $c := .c -}}
{{- $secrets := $c.Values.secrets -}}
- name: {{ $c.Chart.Name }}
  projected:
    # 0444: readable by the sidecar's user, whoever that is; no other container mounts it.
    defaultMode: 292
    sources:
      - configMap:
          name: {{ .configMap }}
          items: [{key: config.yaml, path: config.yaml}]
      {{- range $file, $secret := dict "password" $secrets.password "listen-ca.crt" $secrets.listenClientCa }}
      {{- if $secret.name }}
      - secret:
          name: {{ $secret.name }}
          items: [{key: {{ $secret.key | quote }}, path: {{ $file }}}]
      {{- end }}
      {{- end }}
      {{- range $secrets.files }}
      - secret:
          name: {{ .name }}
          items: [{key: {{ .key | quote }}, path: {{ .path | quote }}}]
      {{- end }}
      {{- if or $secrets.ca.name $secrets.ca.configMap }}
      - {{ empty $secrets.ca.name | ternary "configMap" "secret" }}:
          name: {{ $secrets.ca.name | default $secrets.ca.configMap }}
          items: [{key: {{ $secrets.ca.key | quote }}, path: ca.crt}]
      {{- end }}
      {{- range $name, $secret := dict "client" $secrets.clientCertificate "listen" $secrets.listenCertificate }}
      {{- if $secret.name }}
      - secret:
          name: {{ $secret.name }}
          items:
            - {key: {{ $secret.certKey | quote }}, path: {{ $name }}.crt}
            - {key: {{ $secret.keyKey | quote }}, path: {{ $name }}.key}
      {{- end }}
      {{- end }}
{{- with $c.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* For metadata.labels of the pod: by it a PodMonitor and a NetworkPolicy find the pod. */}}
{{- define "redis-sidecar.podLabels" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
redis-sidecar: {{ include "redis-sidecar.fullname" $c }}
{{- end -}}

{{/* For metadata.annotations of the pod: a changed configuration makes new pods; where to scrape. */}}
{{- define "redis-sidecar.podAnnotations" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
{{- $config := include "redis-sidecar.config" $c -}}
checksum/{{ $c.Chart.Name }}: {{ sha256sum $config | trunc 32 }}
{{- if $c.Values.scrapeAnnotations }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ include "redis-sidecar.port" (dict "config" (fromYaml $config) "key" "admin") | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- end -}}

{{/* What the app takes to end, then what the sidecar may take, and some. */}}
{{- define "redis-sidecar.terminationGracePeriodSeconds" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
{{- $config := include "redis-sidecar.config" $c | fromYaml -}}
{{- $drain := include "redis-sidecar.seconds" (dict "path" "drain_timeout" "text" (dig "drain_timeout" "10s" $config)) | int -}}
{{- $shutdown := $c.Values.shutdown -}}
{{- add (eq $c.Values.mode "service" | ternary $shutdown.endpointsSeconds $shutdown.appSeconds) $drain 5 -}}
{{- end -}}

{{/* Where the app finds its Redis. */}}
{{- define "redis-sidecar.redisUrl" -}}
{{- $c := get (.Subcharts | default dict) "redis-sidecar" | default . -}}
{{- include "redis-sidecar.check" $c -}}
{{- $config := include "redis-sidecar.config" $c | fromYaml -}}
redis://127.0.0.1:{{ include "redis-sidecar.port" (dict "config" $config "key" "listen") }}
{{- end -}}
