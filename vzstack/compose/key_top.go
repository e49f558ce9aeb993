package compose

// topKeys are those outside of services, networks, volumes, secrets, configs.
var topKeys = []Key{
	{Path: "version", Status: Noted, Note: "obsolete: the Compose Specification ignores it", Example: "version: '3.8'"},
	{Path: "name", Status: Honoured, Example: "name: shop", Shows: `Project="shop"`},
	{Path: "include", Status: Honoured, Example: "include: [base.yaml]", Shows: `Services.0.Name="base"`},
	{Path: "include[].path", Status: Honoured, Example: "include: [{path: base.yaml}]", Shows: `Services.0.Name="base"`},
	{Path: "include[].env_file", Status: Honoured, Example: "include: [{path: base.yaml, env_file: base.env}]", Shows: `Services.0.Run.workingDir="/from-env"`},
	{Path: "include[].project_directory", Status: Honoured, Example: "include: [{path: sub/sub.yaml, project_directory: .}]", Shows: `Services.1.Run.env=["FROM=env.txt"]`},
	{Path: "services", Status: Honoured, Example: "", Shows: `Services.0.Name="s"`},
	{Path: "networks", Status: Honoured, Example: "networks: {default: {internal: true}}", Shows: `Networks.0.Config.internal=true`},
	{Path: "volumes", Status: Honoured, Example: "volumes: {data: {}}\nservices: {t: {image: busybox, volumes: ['data:/data']}}", Shows: `Volumes.0.Key="data"`},
	{Path: "secrets", Status: Honoured, Example: "secrets: {key: {file: secret.txt}}", Shows: `Services.0.Name="s"`},
	{Path: "configs", Status: Honoured, Example: "configs: {conf: {content: x}}", Shows: `Services.0.Name="s"`},
	{Path: "x-vz", Status: Honoured, Note: "what only vz knows", Example: "x-vz: {}", Shows: "!x-vz: {colour: red}"},
	{Path: "x-vz.vm", Status: Honoured, Note: "shared: all services live in one virtual machine; own: each container has a place of its own", Example: "x-vz: {vm: shared}", Shows: `Services.0.Run.sharedVM="test"`},
	{Path: "x-vz.vm_memory", Status: Honoured, Note: "of the shared machine; else the sum of the services' limits", Example: "x-vz: {vm: shared, vm_memory: 1g}", Shows: `SharedVM.Limits.memory=1073741824`},
	{Path: "x-vz.vm_cpus", Status: Honoured, Note: "of the shared machine; else what the services' limits need", Example: "x-vz: {vm: shared, vm_cpus: 3}", Shows: `SharedVM.Limits.nanoCPUs=3000000000`},
	{Path: "models", Status: Refuse, Note: "vz runs no language models", Example: "models: {m: {model: ai/x}}"},
	{Path: "jobs", Status: Refuse, Note: "jobs are not run; make a service of it and start it with `vz stack run`", Example: "jobs: {j: {image: busybox, triggers: {manual: true}}}"},
}

// foreignKeys need something that vz is not.
var foreignKeys = []Key{
	{Path: "services.*.build", Status: Honoured, Note: "nothing is built: the image must be in the store already, else `up` refuses with the reason", Example: "build: .", Shows: "Services.0.Build=true"},
	{Path: "services.*.build.*", Status: Noted, Note: "nothing is built; the image must exist"},
	{Path: "services.*.models", Status: Refuse, Note: "vz runs no language models", Example: "models: {m: {}}", Top: "models: {m: {model: ai/x}}"},
	{Path: "services.*.provider", Status: Refuse, Note: "vz starts no plug-ins of other programs", Example: "provider: {type: x}"},
	{Path: "services.*.gpus", Status: Refuse, Note: "no backend passes GPUs on by request; name the device files in devices:", Example: "gpus: all"},
	{Path: "services.*.use_api_socket", Status: Refuse, Note: "there is no daemon whose socket could be given", Example: "use_api_socket: true"},
	{Path: "services.*.credential_spec", Status: Refuse, Note: "is for Windows containers", Example: "credential_spec: {file: x}"},
	{Path: "services.*.isolation", Status: Honoured, Note: "only default; the others are for Windows (see x-vz.isolation)", Example: "isolation: default", Shows: "!isolation: hyperv"},
	{Path: "services.*.cpu_count", Status: Refuse, Note: "is for Windows containers; use cpus", Example: "cpu_count: 2"},
	{Path: "services.*.cpu_percent", Status: Refuse, Note: "is for Windows containers; use cpus", Example: "cpu_percent: 50"},
	{Path: "services.*.storage_opt", Status: Refuse, Note: "the size of a container's root is not limited", Example: "storage_opt: {size: 1G}"},
	{Path: "services.*.umask", Status: Refuse, Note: "the program's own umask holds; set it in the command", Example: "umask: 0o022"},
	{Path: "services.*.pre_start", Status: Refuse, Note: "make it a service of its own and depend on it with service_completed_successfully", Example: "pre_start: [{image: busybox, command: 'true'}]"},
	{Path: "services.*.develop", Status: Noted, Note: "is read by `watch` alone, which vz stack does not have", Example: "develop: {watch: [{path: ., action: rebuild}]}"},
	{Path: "services.*.x-vz", Status: Honoured, Note: "what only vz knows", Example: "x-vz: {}", Shows: "!x-vz: {colour: red}"},
	{Path: "services.*.x-vz.isolation", Status: Honoured, Note: "native, or vm for a virtual machine per container", Example: "x-vz: {isolation: vm}", Shows: `Services.0.Run.isolation="full"`},
	{Path: "services.*.x-vz.restart_unhealthy", Status: Honoured, Note: "true or false", Example: "x-vz: {restart_unhealthy: true}", Shows: "Services.0.Run.health.restart=true"},
	{Path: "services.*.x-vz.egress", Status: Refuse, Note: "a service cannot be given rules for what it reaches; put it on a network with internal: true", Example: "x-vz: {egress: none}"},
	{Path: "services.*.x-vz.kind", Status: Refuse, Note: "there is one kind of services, containers; for virtual machines see x-vz.isolation", Example: "x-vz: {kind: sandbox}"},
}

// networkKeys are those of networks.
var networkKeys = []Key{
	{Path: "networks.*.name", Status: Honoured, Example: "name: other", Shows: `Networks.0.Config.name="other"`},
	{Path: "networks.*.driver", Status: Honoured, Note: "bridge", Example: "driver: bridge", Shows: "!driver: overlay"},
	{Path: "networks.*.driver_opts", Status: Honoured, Note: "com.docker.network.driver.mtu", Example: "driver_opts: {com.docker.network.driver.mtu: 1400}", Shows: "Networks.0.Config.mtu=1400"},
	{Path: "networks.*.ipam", Status: Honoured, Example: "ipam: {config: [{subnet: 10.77.0.0/24}]}", Shows: `Networks.0.Config.subnets=["10.77.0.0/24"]`},
	{Path: "networks.*.ipam.driver", Status: Honoured, Note: "default", Example: "ipam: {driver: default}", Shows: "!ipam: {driver: dhcp}"},
	{Path: "networks.*.ipam.config", Status: Honoured, Example: "ipam: {config: [{subnet: 10.77.0.0/24}]}", Shows: `Networks.0.Config.subnets=["10.77.0.0/24"]`},
	{Path: "networks.*.ipam.config[].subnet", Status: Honoured, Example: "ipam: {config: [{subnet: 10.77.0.0/24}]}", Shows: `Networks.0.Config.subnets=["10.77.0.0/24"]`},
	{Path: "networks.*.ipam.config[].ip_range", Status: Honoured, Example: "ipam: {config: [{subnet: 10.77.0.0/24, ip_range: 10.77.0.128/25}]}", Shows: `Networks.0.Config.ranges=["10.77.0.128/25"]`},
	{Path: "networks.*.ipam.config[].gateway", Status: Honoured, Example: "ipam: {config: [{subnet: 10.77.0.0/24, gateway: 10.77.0.9}]}", Shows: `Networks.0.Config.gateways=["10.77.0.9"]`},
	{Path: "networks.*.ipam.config[].aux_addresses", Status: Refuse, Note: "addresses cannot be set aside; narrow ip_range instead", Example: "ipam: {config: [{subnet: 10.77.0.0/24, aux_addresses: {a: 10.77.0.3}}]}"},
	{Path: "networks.*.ipam.options", Status: Refuse, Note: "vz's address pool has no options", Example: "ipam: {options: {a: b}}"},
	{Path: "networks.*.external", Status: Honoured, Example: "external: true", Shows: "Networks.0.External=true"},
	{Path: "networks.*.external.name", Status: Honoured, Note: "obsolete form of name", Example: "external: {name: other}", Shows: `Networks.0.Config.name="other"`},
	{Path: "networks.*.internal", Status: Honoured, Example: "internal: true", Shows: "Networks.0.Config.internal=true"},
	{Path: "networks.*.enable_ipv4", Status: Honoured, Note: "only true", Example: "enable_ipv4: true", Shows: "!enable_ipv4: false"},
	{Path: "networks.*.enable_ipv6", Status: Honoured, Example: "enable_ipv6: true", Shows: "Networks.0.Config.ipv6=true"},
	{Path: "networks.*.attachable", Status: Honoured, Note: "every network is", Example: "attachable: true", Shows: `Networks.0.Key="n"`},
	{Path: "networks.*.labels", Status: Honoured, Example: "labels: {a: b}", Shows: `Networks.0.Config.labels.a="b"`},
}

// volumeKeys are those of volumes.
var volumeKeys = []Key{
	{Path: "volumes.*.name", Status: Honoured, Example: "name: other", Shows: `Volumes.0.Config.name="other"`},
	{Path: "volumes.*.driver", Status: Honoured, Note: "local", Example: "driver: local", Shows: "!driver: nfs"},
	{Path: "volumes.*.driver_opts", Status: Honoured, Example: "driver_opts: {type: tmpfs, device: tmpfs}", Shows: `Volumes.0.Config.options={"device":"tmpfs","type":"tmpfs"}`},
	{Path: "volumes.*.external", Status: Honoured, Example: "external: true", Shows: "Volumes.0.External=true"},
	{Path: "volumes.*.external.name", Status: Honoured, Note: "obsolete form of name", Example: "external: {name: other}", Shows: `Volumes.0.Config.name="other"`},
	{Path: "volumes.*.labels", Status: Honoured, Example: "labels: {a: b}", Shows: `Volumes.0.Config.labels.a="b"`},
}

// objectKeys are those of secrets and configs.
var objectKeys = []Key{
	{Path: "secrets.*.name", Status: Honoured, Example: "external: true\nname: kept", Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "secrets.*.environment", Status: Honoured, Example: "environment: HOME", Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "secrets.*.file", Status: Honoured, Example: "file: secret.txt", Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "secrets.*.external", Status: Honoured, Note: "from vz secret create", Example: "external: true", Shows: "!external: true\nname: missing"},
	{Path: "secrets.*.external.name", Status: Honoured, Note: "obsolete form of name", Example: "external: {name: kept}", Shows: `Services.0.Run.mounts.0.target="/run/secrets/x"`},
	{Path: "secrets.*.labels", Status: Noted, Note: "a secret is a file of its container and has no labels", Example: "file: secret.txt\nlabels: {a: b}"},
	{Path: "secrets.*.driver", Status: Refuse, Note: "vz has one store for secrets", Example: "external: true\ndriver: vault"},
	{Path: "secrets.*.driver_opts", Status: Refuse, Note: "vz has one store for secrets", Example: "external: true\ndriver_opts: {a: b}"},
	{Path: "secrets.*.template_driver", Status: Refuse, Note: "templates belong to a swarm", Example: "file: secret.txt\ntemplate_driver: golang"},
	{Path: "configs.*.name", Status: Honoured, Example: "external: true\nname: kept", Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "configs.*.content", Status: Honoured, Example: "content: hello", Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "configs.*.environment", Status: Honoured, Example: "environment: HOME", Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "configs.*.file", Status: Honoured, Example: "file: secret.txt", Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "configs.*.external", Status: Honoured, Note: "from vz secret create", Example: "external: true\nname: kept", Shows: "!external: true\nname: missing"},
	{Path: "configs.*.external.name", Status: Honoured, Note: "obsolete form of name", Example: "external: {name: kept}", Shows: `Services.0.Run.mounts.0.target="/x"`},
	{Path: "configs.*.labels", Status: Noted, Note: "a config is a file of its container and has no labels", Example: "content: x\nlabels: {a: b}"},
	{Path: "configs.*.template_driver", Status: Refuse, Note: "templates belong to a swarm", Example: "content: x\ntemplate_driver: golang"},
}
