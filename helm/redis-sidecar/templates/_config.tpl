{{/*
config.yaml: what the chart sets itself, and `config` laid over it. All that is refused is refused here, at once.
*/}}

{{- define "redis-sidecar.directory" -}}/etc/redis-sidecar{{- end -}}

{{/* What the chart sets. */}}
{{- define "redis-sidecar.ownConfig" -}}
{{- $in := include "redis-sidecar.directory" . -}}
{{- $secrets := .Values.secrets -}}
{{- $upstream := dict -}}
{{- if $secrets.password.name -}}
{{- $_ := set $upstream "auth" (dict "password_file" (printf "%s/password" $in)) -}}
{{- end -}}
{{- $tls := dict -}}
{{- if or $secrets.ca.name $secrets.ca.configMap -}}
{{- $_ := set $tls "ca_file" (printf "%s/ca.crt" $in) -}}
{{- end -}}
{{- if $secrets.clientCertificate.name -}}
{{- $_ := set $tls "cert_file" (printf "%s/client.crt" $in) -}}
{{- $_ := set $tls "key_file" (printf "%s/client.key" $in) -}}
{{- end -}}
{{- if $tls -}}{{- $_ := set $upstream "tls" $tls -}}{{- end -}}
{{- $isAlone := eq .Values.mode "service" -}}
{{- $listen := dict "address" ($isAlone | ternary "0.0.0.0:6379" "127.0.0.1:6379") -}}
{{- if $secrets.listenPassword.name -}}
{{- $_ := set $listen "password" "${SIDECAR_LISTEN_PASSWORD}" -}}
{{- end -}}
{{- $listenTls := dict -}}
{{- if $secrets.listenCertificate.name -}}
{{- $_ := set $listenTls "cert_file" (printf "%s/listen.crt" $in) -}}
{{- $_ := set $listenTls "key_file" (printf "%s/listen.key" $in) -}}
{{- end -}}
{{- if $secrets.listenClientCa.name -}}
{{- $_ := set $listenTls "client_ca_file" (printf "%s/listen-ca.crt" $in) -}}
{{- end -}}
{{- if $listenTls -}}{{- $_ := set $listen "tls" $listenTls -}}{{- end -}}
{{- $admin := dict "address" "0.0.0.0:9121" -}}
{{- /* An outage is every pod's at once: to take all apps out of their Services would make it worse. */ -}}
{{- if not $isAlone -}}{{- $_ := set $admin "ready_in_outage" true -}}{{- end -}}
{{- /* A node's cores are not the pod's: `auto` would make a worker, and its connections, for every two of them. */ -}}
{{- $own := dict "listen" $listen "admin" $admin "log" (dict "format" "json") "workers" 1 -}}
{{- if eq (dig "upstream" "url" "" .Values.config) "memory://" -}}
{{- /* Within the container's limit. */ -}}
{{- $_ := set $own "memory" (dict "maxmemory" "128mb") -}}
{{- end -}}
{{- if $upstream -}}{{- $_ := set $own "upstream" $upstream -}}{{- end -}}
{{- toYaml $own -}}
{{- end -}}

{{- define "redis-sidecar.config" -}}
{{- toYaml (mustMergeOverwrite (include "redis-sidecar.ownConfig" . | fromYaml) (deepCopy .Values.config)) -}}
{{- end -}}

{{/* The port of an address, nothing where it is off: {config, key}. */}}
{{- define "redis-sidecar.port" -}}
{{- $address := (get .config .key | default dict).address | default "off" | toString -}}
{{- regexFind "[0-9]+$" $address -}}
{{- end -}}

{{/* "true" where an address can be reached from outside the pod: {config, key}. */}}
{{- define "redis-sidecar.isReachable" -}}
{{- $address := (get .config .key | default dict).address | default "off" | toString -}}
{{- if and (regexMatch "[0-9]$" $address) (not (regexMatch "^(127\\.|localhost|\\[::1\\]|:)" $address)) -}}true{{- end -}}
{{- end -}}

{{/* Lines that name what would be a secret in a ConfigMap: {path, value}. */}}
{{- define "redis-sidecar.secretsIn" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value }}
{{- $at := printf "%s.%s" $path $key }}
{{- if and (regexMatch "(^|_)(passwords?|secret|token|headers)$" $key) $value (not (contains "${" (toString $value))) }}
{{ $at }} would stand in a ConfigMap for all to read: name a Secret in secrets, or write ${VARIABLE} and give it by env
{{- else }}
{{- include "redis-sidecar.secretsIn" (dict "path" $at "value" $value) }}
{{- end }}
{{- end }}
{{- else if kindIs "slice" .value -}}
{{- range $place, $value := .value }}
{{- include "redis-sidecar.secretsIn" (dict "path" (printf "%s[%d]" $path $place) "value" $value) }}
{{- end }}
{{- else if and (kindIs "string" .value) (regexMatch "://[^/@]*:[^/@]+@" .value) (not (contains "${" .value)) }}
{{ $path }} has a password in its URL, which would stand in a ConfigMap: name a Secret in secrets.password or secrets.url
{{- end -}}
{{- end -}}

{{/* All that is wrong, one a line. */}}
{{- define "redis-sidecar.faults" -}}
{{- $values := .Values -}}
{{- $config := include "redis-sidecar.config" . | fromYaml -}}
{{- $upstream := $config.upstream | default dict -}}
{{- $mode := $values.mode -}}
{{- include "redis-sidecar.secretsIn" (dict "path" "config" "value" $values.config) -}}
{{- if and (eq $mode "sidecar") .Chart.IsRoot }}
mode: set app (a Deployment of app.image, the sidecar beside it) or service (the sidecar alone); sidecar is for a chart that has this one as a dependency
{{- end }}
{{- if not (or $upstream.url $values.secrets.url.name) }}
config.upstream.url: name your Redis (rediss://host:port), or a Secret in secrets.url; memory:// tries it without one
{{- end }}
{{- if and (eq $mode "app") (not $values.app.image) }}
app.image: mode app needs the image of your app
{{- end }}
{{- if eq $mode "service" }}
{{- if not (include "redis-sidecar.isReachable" (dict "config" $config "key" "listen")) }}
config.listen.address: nobody could reach it there; in mode service it is 0.0.0.0:6379, or [::]:6379
{{- end }}
{{- $listen := $config.listen }}
{{- /* Beside users there is the default one, unless it is turned off. */}}
{{- $onlyUsers := and $listen.users (has (toString $listen.default_user) (list "false" "off" "no")) }}
{{- $asks := or $listen.password $listen.password_file $onlyUsers (dig "tls" "client_ca_file" "" $listen) }}
{{- if not (or $asks $values.networkPolicy.enabled $values.service.open) }}
service.open: whoever reaches the port would be the upstream's user; set secrets.listenPassword, secrets.listenClientCa or networkPolicy.enabled, or true if it may be so
{{- end }}
{{- else if $values.serviceMonitor.enabled }}
serviceMonitor.enabled: only mode service has a Service; use podMonitor
{{- end }}
{{- if and (eq $mode "sidecar") $values.podDisruptionBudget.enabled }}
podDisruptionBudget.enabled: the pods are your own chart's, and so is their budget
{{- end }}
{{- if and (eq $mode "sidecar") $values.networkPolicy.enabled (not $values.networkPolicy.extraIngress) }}
networkPolicy.extraIngress: a NetworkPolicy closes all other ports of your pods: name those of your app here
{{- end }}
{{- $watches := or $values.podMonitor.enabled $values.serviceMonitor.enabled $values.scrapeAnnotations }}
{{- if and $watches (not (include "redis-sidecar.isReachable" (dict "config" $config "key" "admin"))) }}
config.admin.address: Prometheus can't reach it there; 0.0.0.0:9121, or [::]:9121
{{- end }}
{{- end -}}

{{- define "redis-sidecar.check" -}}
{{- if not (and (hasKey .Values "secrets") (hasKey .Values "shutdown")) -}}
{{- fail "redis-sidecar: pass . of a chart that has redis-sidecar as a dependency, or .Subcharts.ALIAS" -}}
{{- end -}}
{{- with include "redis-sidecar.faults" . | trim -}}{{- fail (printf "\n%s\n" .) -}}{{- end -}}
{{- end -}}
