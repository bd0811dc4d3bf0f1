package main

import "fmt"

// inTreeDisk is a volume plugin that was once part of Kubernetes.
type inTreeDisk struct {
	plugin, driver, zoneKey string
	// source makes the source of a volume of this name.
	source func(name string) object
}

var inTreeDisks = []inTreeDisk{
	{"kubernetes.io/gce-pd", "pd.csi.storage.gke.io", "topology.gke.io/zone", func(name string) object {
		return object{"gcePersistentDisk": object{"pdName": name}}
	}},
	{"kubernetes.io/aws-ebs", "ebs.csi.aws.com", "topology.ebs.csi.aws.com/zone", func(name string) object {
		return object{"awsElasticBlockStore": object{"volumeID": "aws://a/vol-" + name}}
	}},
	{"kubernetes.io/azure-disk", "disk.csi.azure.com", "topology.disk.csi.azure.com/zone", func(name string) object {
		return object{"azureDisk": object{"diskName": name, "diskURI": "/subscriptions/" + name, "kind": "Managed"}}
	}},
	{"kubernetes.io/cinder", "cinder.csi.openstack.org", "topology.cinder.csi.openstack.org/zone", func(name string) object {
		return object{"cinder": object{"volumeID": name}}
	}},
	{"kubernetes.io/portworx-volume", "pxd.portworx.com", "", func(name string) object {
		return object{"portworxVolume": object{"volumeID": name}}
	}},
	{"kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com", "", func(name string) object {
		return object{"vsphereVolume": object{"volumePath": name}}
	}},
	{"kubernetes.io/azure-file", "file.csi.azure.com", "", func(name string) object {
		return object{"azureFile": object{"secretName": name, "shareName": name}}
	}},
}

// migratedNodes adds CSINodes for the drivers of some in-tree plugins, with or without the word that these are migrated.
func (b *storageBuilder) migratedNodes(disks []inTreeDisk) {
	for number := range b.nodes {
		if b.chance(15) {
			continue
		}
		var drivers []string
		plugins := ""
		for _, disk := range disks {
			drivers = append(drivers, disk.driver)
			if b.chance(70) {
				plugins += disk.plugin + ","
			}
		}
		b.csiNode(nodeName(number+1), plugins+"kubernetes.io/other", drivers...)
	}
}

// makeInlineDisks is about disks given inline, which pods of a node may not share, and which drivers count.
func (g *clusterGenerator) makeInlineDisks() ([]object, object) {
	b := g.buildStorage()
	disks := pickSome(g, inTreeDisks, 1, 2)
	b.migratedNodes(disks)
	volumes := func(least, most int) list {
		var own list
		for number := range least + g.source.IntN(most-least+1) {
			volume := b.inlineDisk(disks)
			volume["name"] = fmt.Sprintf("v%d", number+1)
			own = append(own, volume)
		}
		return own
	}
	for number := range 1 + g.source.IntN(6) {
		pod := b.placedPod(fmt.Sprintf("p%d", number+1), volumes(0, 2))
		if b.chance(15) {
			pod["status"] = object{"nominatedNodeName": pod["spec"].(object)["nodeName"]}
			delete(pod["spec"].(object), "nodeName")
		}
	}
	return b.toSchedule(volumes(1, 2))
}

func (b *storageBuilder) inlineDisk(disks []inTreeDisk) object {
	g := b.clusterGenerator
	switch g.source.IntN(7) {
	case 0:
		return object{"iscsi": object{
			"targetPortal": "10.0.0.1:3260", "iqn": pick(g, []string{"iqn.2001-04.com.example:a", "iqn.2001-04.com.example:b"}),
			"lun": 0, "readOnly": b.chance(50),
		}}
	case 1:
		rbd := object{
			"monitors": pickSome(g, []string{"10.0.0.1:6789", "10.0.0.2:6789", "10.0.0.3:6789"}, 1, 2),
			"image":    pick(g, []string{"a", "b"}), "readOnly": b.chance(50),
		}
		if b.chance(40) {
			rbd["pool"] = pick(g, []string{"rbd", "fast"})
		}
		return object{"rbd": rbd}
	case 2:
		return object{"gcePersistentDisk": object{"pdName": pick(g, []string{"a", "b"}), "readOnly": b.chance(50)}}
	case 3:
		return object{"awsElasticBlockStore": object{"volumeID": pick(g, []string{"vol-a", "aws:///vol-a", "vol-b"})}}
	default:
		return pick(g, disks).source(pick(g, []string{"a", "b", "c"}))
	}
}

// makeInTreeVolumes is about persistent volumes of in-tree plugins, with and without migration on their nodes.
func (g *clusterGenerator) makeInTreeVolumes() ([]object, object) {
	b := g.buildStorage()
	disks := pickSome(g, inTreeDisks, 1, 2)
	b.migratedNodes(disks)
	for number := range b.nodes {
		labels := b.nodeLabelsOf(number)
		for _, disk := range disks {
			if disk.zoneKey != "" && b.chance(70) {
				labels[disk.zoneKey] = pick(g, []string{"a", "b", "c"})
			}
		}
	}
	for _, disk := range disks {
		b.add(object{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": object{"name": disk.plugin[len("kubernetes.io/"):]},
			"provisioner": disk.plugin, "volumeBindingMode": "WaitForFirstConsumer",
		})
	}
	claims := names("claim", 1+g.source.IntN(5))
	for _, name := range claims {
		disk := pick(g, disks)
		if b.chance(20) {
			b.claim(name, disk.plugin[len("kubernetes.io/"):])
			continue
		}
		_, volume := b.bound(name, disk.source(name))
		keys := []string{zoneLabel, "failure-domain.beta.kubernetes.io/zone"}
		if b.chance(40) {
			zones := []string{"a", "b"}
			if disk.plugin != "kubernetes.io/gce-pd" {
				// Several zones of GCE must lie in one region.
				zones = append(zones, "a__b")
			}
			volume["metadata"].(object)["labels"] = object{pick(g, keys): pick(g, zones)}
		}
		if b.chance(50) {
			requires(volume, pick(g, append(keys, "failure-domain.beta.kubernetes.io/region", disk.zoneKey+"x")),
				pickSome(g, []string{"a", "b", "c", "east"}, 1, 3))
		}
	}
	for number := range g.source.IntN(6) {
		b.placedPod(fmt.Sprintf("p%d", number+1), mounts(pickSome(g, claims, 0, 2)))
	}
	return b.toSchedule(mounts(pickSome(g, claims, 1, 3)))
}
