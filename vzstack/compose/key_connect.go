package compose

// connectKeys say how a service is reached.
var connectKeys = []Key{
	{Path: "services.*.networks", Status: Honoured, Example: "networks: [n]", Top: net, Shows: `Services.0.Run.networks.0.network="test_n"`},
	{Path: "services.*.networks.*.aliases", Status: Honoured, Example: "networks: {n: {aliases: [a]}}", Top: net, Shows: `Services.0.Run.networks.0.aliases=["s","a"]`},
	{Path: "services.*.networks.*.interface_name", Status: Refuse, Note: "interfaces are called eth0, eth1, … in the order of priority", Example: "networks: {n: {interface_name: lan0}}", Top: net},
	{Path: "services.*.networks.*.ipv4_address", Status: Honoured, Example: "networks: {n: {ipv4_address: 10.77.0.5}}", Top: net, Shows: `Services.0.Run.networks.0.ipv4="10.77.0.5"`},
	{Path: "services.*.networks.*.ipv6_address", Status: Honoured, Example: "networks: {n: {ipv6_address: 'fd00::5'}}", Top: net, Shows: `Services.0.Run.networks.0.ipv6="fd00::5"`},
	{Path: "services.*.networks.*.link_local_ips", Status: Honoured, Example: "networks: {n: {link_local_ips: [169.254.8.8]}}", Top: net, Shows: `Services.0.Run.networks.0.linkLocal=["169.254.8.8"]`},
	{Path: "services.*.networks.*.mac_address", Status: Honoured, Example: "networks: {n: {mac_address: '02:00:00:00:00:05'}}", Top: net, Shows: `Services.0.Run.networks.0.macAddress="02:00:00:00:00:05"`},
	{Path: "services.*.networks.*.driver_opts", Status: Refuse, Note: "no network here has options of one container's place", Example: "networks: {n: {driver_opts: {a: b}}}", Top: net},
	{Path: "services.*.networks.*.priority", Status: Honoured, Example: "networks: {n: {priority: 1}, m: {priority: 9}}", Top: "networks: {n: {}, m: {}}", Shows: `Services.0.Run.networkMode="test_m"`},
	{Path: "services.*.networks.*.gw_priority", Status: Honoured, Example: "networks: {n: {gw_priority: 1}, m: {}}", Top: "networks: {n: {}, m: {}}", Shows: `Services.0.Run.networkMode="test_n"`},
	{Path: "services.*.networks.*.use_service_name_alias", Status: Honoured, Example: "networks: {n: {use_service_name_alias: false, aliases: [a]}}", Top: net, Shows: `Services.0.Run.networks.0.aliases=["a"]`},
	{Path: "services.*.network_mode", Status: Honoured, Example: "network_mode: service:t", Top: other, Shows: `Services.0.Run.networkMode="container:test-t-1"`},
	{Path: "services.*.ports", Status: Honoured, Example: "ports: ['8080:80']", Shows: `Services.0.Run.ports.0={"containerPort":80,"hostPort":8080,"protocol":"tcp"}`},
	{Path: "services.*.ports[].name", Status: Noted, Note: "a name for people", Example: "ports: [{target: 80, name: web}]"},
	{Path: "services.*.ports[].mode", Status: Honoured, Note: "ingress and host are the same on one host", Example: "ports: [{target: 80, mode: host}]", Shows: "!ports: [{target: 80, mode: other}]"},
	{Path: "services.*.ports[].host_ip", Status: Honoured, Example: "ports: [{target: 80, host_ip: 127.0.0.1}]", Shows: `Services.0.Run.ports.0.hostIP="127.0.0.1"`},
	{Path: "services.*.ports[].target", Status: Honoured, Example: "ports: [{target: 80}]", Shows: `Services.0.Run.ports.0.containerPort=80`},
	{Path: "services.*.ports[].published", Status: Honoured, Example: "ports: [{target: 80, published: 8080-8090}]", Shows: `Services.0.Run.ports.0.hostPortEnd=8090`},
	{Path: "services.*.ports[].protocol", Status: Honoured, Note: "tcp, udp", Example: "ports: [{target: 53, protocol: udp}]", Shows: "!ports: [{target: 80, protocol: sctp}]"},
	{Path: "services.*.ports[].app_protocol", Status: Noted, Note: "a hint for load balancers, of which there is none", Example: "ports: [{target: 80, app_protocol: http}]"},
	{Path: "services.*.expose", Status: Honoured, Example: "expose: ['80', 53/udp]", Shows: `Services.0.Run.expose=["80/tcp","53/udp"]`},
	{Path: "services.*.links", Status: Honoured, Note: "the alias is seen by all on the networks of the other service", Example: "links: ['t:db']", Top: other, Shows: `Services.1.Run.networks.0.aliases=["t","db"]`},
	{Path: "services.*.external_links", Status: Honoured, Note: "without an alias of its own", Example: "external_links: [other]", Shows: "!external_links: ['other:db']"},
	{Path: "services.*.dns", Status: Honoured, Example: "dns: 10.0.0.1", Shows: `Services.0.Run.dns.servers=["10.0.0.1"]`},
	{Path: "services.*.dns_opt", Status: Honoured, Example: "dns_opt: ['ndots:2']", Shows: `Services.0.Run.dns.options=["ndots:2"]`},
	{Path: "services.*.dns_search", Status: Honoured, Example: "dns_search: a.test", Shows: `Services.0.Run.dns.search=["a.test"]`},
	{Path: "services.*.extra_hosts", Status: Honoured, Example: "extra_hosts: ['a=10.0.0.1', 'up:host-gateway']", Shows: `Services.0.Run.extraHosts=["a:10.0.0.1","up:host-gateway"]`},
	{Path: "services.*.mac_address", Status: Honoured, Example: "mac_address: '02:00:00:00:00:05'", Shows: `Services.0.Run.macAddress="02:00:00:00:00:05"`},
}

const net = "networks: {n: {ipam: {config: [{subnet: 10.77.0.0/24}, {subnet: 'fd00::/64'}]}}}"

// mountKeys say which files a service sees.
var mountKeys = []Key{
	{Path: "services.*.volumes", Status: Honoured, Example: "volumes: ['vol:/d:ro']", Top: "volumes: {vol: {}}", Shows: `Services.0.Run.mounts.0={"readOnly":true,"source":"test_vol","target":"/d","type":"volume"}`},
	{Path: "services.*.volumes[].type", Status: Honoured, Note: "bind, volume, tmpfs, image", Example: "volumes: [{type: tmpfs, target: /d}]", Shows: "!volumes: [{type: cluster, source: c, target: /d}]"},
	{Path: "services.*.volumes[].source", Status: Honoured, Example: "volumes: [{type: volume, source: v, target: /d}]", Top: "volumes: {v: {}}", Shows: `Services.0.Run.mounts.0.source="test_v"`},
	{Path: "services.*.volumes[].target", Status: Honoured, Example: "volumes: [{type: tmpfs, target: /d}]", Shows: `Services.0.Run.mounts.0.target="/d"`},
	{Path: "services.*.volumes[].read_only", Status: Honoured, Example: "volumes: [{type: volume, target: /d, read_only: true}]", Shows: `Services.0.Run.mounts.0.readOnly=true`},
	{Path: "services.*.volumes[].consistency", Status: Noted, Note: "mounts are always consistent", Example: "volumes: [{type: volume, target: /d, consistency: cached}]"},
	{Path: "services.*.volumes[].bind", Status: Honoured, Example: "volumes: [{type: bind, source: /, target: /d, bind: {propagation: rslave}}]", Shows: `Services.0.Run.mounts.0.propagation="rslave"`},
	{Path: "services.*.volumes[].bind.propagation", Status: Honoured, Example: "volumes: [{type: bind, source: /, target: /d, bind: {propagation: rslave}}]", Shows: `Services.0.Run.mounts.0.propagation="rslave"`},
	{Path: "services.*.volumes[].bind.create_host_path", Status: Honoured, Example: "volumes: ['/new:/d']", Shows: `Services.0.Run.mounts.0.createSource=true`},
	{Path: "services.*.volumes[].bind.recursive", Status: Honoured, Note: "enabled, disabled", Example: "volumes: [{type: bind, source: /, target: /d, bind: {recursive: disabled}}]", Shows: `Services.0.Run.mounts.0.nonRecursive=true`},
	{Path: "services.*.volumes[].bind.selinux", Status: Honoured, Example: "volumes: [{type: bind, source: /, target: /d, bind: {selinux: z}}]", Shows: `Services.0.Run.mounts.0.relabel="z"`},
	{Path: "services.*.volumes[].volume", Status: Honoured, Example: "volumes: [{type: volume, target: /d, volume: {nocopy: true}}]", Shows: `Services.0.Run.mounts.0.noCopy=true`},
	{Path: "services.*.volumes[].volume.labels", Status: Honoured, Example: "volumes: [{type: volume, target: /d, volume: {labels: {a: b}}}]", Shows: `Services.0.Run.mounts.0.volumeLabels={"a":"b"}`},
	{Path: "services.*.volumes[].volume.nocopy", Status: Honoured, Example: "volumes: [{type: volume, target: /d, volume: {nocopy: true}}]", Shows: `Services.0.Run.mounts.0.noCopy=true`},
	{Path: "services.*.volumes[].volume.subpath", Status: Honoured, Example: "volumes: [{type: volume, source: v, target: /d, volume: {subpath: sub}}]", Top: "volumes: {v: {}}", Shows: `Services.0.Run.mounts.0.subpath="sub"`},
	{Path: "services.*.volumes[].tmpfs", Status: Honoured, Example: "volumes: [{type: tmpfs, target: /d, tmpfs: {size: 1m}}]", Shows: `Services.0.Run.mounts.0.tmpfsSize=1048576`},
	{Path: "services.*.volumes[].tmpfs.size", Status: Honoured, Example: "volumes: [{type: tmpfs, target: /d, tmpfs: {size: 1m}}]", Shows: `Services.0.Run.mounts.0.tmpfsSize=1048576`},
	{Path: "services.*.volumes[].tmpfs.mode", Status: Honoured, Example: "volumes: [{type: tmpfs, target: /d, tmpfs: {mode: 0o700}}]", Shows: `Services.0.Run.mounts.0.tmpfsMode=448`},
	{Path: "services.*.volumes[].image", Status: Honoured, Example: "volumes: [{type: image, source: alpine, target: /d}]", Shows: `Services.0.Run.mounts.0.type="image"`},
	{Path: "services.*.volumes[].image.subpath", Status: Honoured, Example: "volumes: [{type: image, source: alpine, target: /d, image: {subpath: etc}}]", Shows: `Services.0.Run.mounts.0.subpath="etc"`},
	{Path: "services.*.volumes_from", Status: Honoured, Example: "volumes_from: ['t:ro', 'container:c']", Top: other, Shows: `Services.0.Run.volumesFrom=["test-t-1:ro","c"]`},
	{Path: "services.*.tmpfs", Status: Honoured, Example: "tmpfs: ['/run:size=1m,mode=700,noexec']", Shows: `Services.0.Run.mounts.0={"target":"/run","tmpfsMode":448,"tmpfsOptions":["noexec"],"tmpfsSize":1048576,"type":"tmpfs"}`},
	{Path: "services.*.read_only", Status: Honoured, Example: "read_only: true", Shows: "Services.0.Run.readOnly=true"},
}

// fileKeys are a service's references to secrets and configs.
var fileKeys = []Key{
	{Path: "services.*.secrets", Status: Honoured, Example: "secrets: [x]", Top: secret, Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "services.*.secrets[].source", Status: Honoured, Example: "secrets: [{source: x}]", Top: secret, Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "services.*.secrets[].target", Status: Honoured, Example: "secrets: [{source: x, target: y}]", Top: secret, Shows: `Services.0.Run.mounts.0.target="/run/secrets/y"`},
	{Path: "services.*.secrets[].uid", Status: Honoured, Example: "secrets: [{source: x, uid: '1000'}]", Top: secret, Shows: `Services.0.Files.0.UID=1000`},
	{Path: "services.*.secrets[].gid", Status: Honoured, Example: "secrets: [{source: x, gid: '1000'}]", Top: secret, Shows: `Services.0.Files.0.GID=1000`},
	{Path: "services.*.secrets[].mode", Status: Honoured, Example: "secrets: [{source: x, mode: 0o400}]", Top: secret, Shows: `Services.0.Files.0.Mode=256`},
	{Path: "services.*.configs", Status: Honoured, Example: "configs: [x]", Top: config, Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "services.*.configs[].source", Status: Honoured, Example: "configs: [{source: x}]", Top: config, Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "services.*.configs[].target", Status: Honoured, Example: "configs: [{source: x, target: /etc/y}]", Top: config, Shows: `Services.0.Run.mounts.0.target="/etc/y"`},
	{Path: "services.*.configs[].uid", Status: Honoured, Example: "configs: [{source: x, uid: '1000'}]", Top: config, Shows: `Services.0.Files.0.UID=1000`},
	{Path: "services.*.configs[].gid", Status: Honoured, Example: "configs: [{source: x, gid: '1000'}]", Top: config, Shows: `Services.0.Files.0.GID=1000`},
	{Path: "services.*.configs[].mode", Status: Honoured, Example: "configs: [{source: x, mode: 0o400}]", Top: config, Shows: `Services.0.Files.0.Mode=256`},
}

const (
	secret = "secrets: {x: {file: secret.txt}}"
	config = "configs: {x: {content: hello}}"
)
