"""Many requests at once for what only some can have: exactly that many get it."""

from __future__ import annotations

import threading

from tests.system.drills import Drill


def test_concurrent_requests_get_exactly_what_the_quota_allows(drill: Drill) -> None:
    statuses: list[int] = []
    with drill.server_quota(instances=5):

        def ask(number: int) -> None:
            statuses.append(drill.ask(f"race-{number}").status_code)

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(14)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert sorted(statuses) == [202] * 5 + [403] * 9
        servers = [server["id"] for server in drill.all_servers()]
        assert len(servers) == 5
        for server in servers:
            drill.running(server)
        drill.delete(servers[0])
        drill.running(drill.boot("room-again"))


def test_concurrent_requests_for_one_volume_give_it_to_one(drill: Drill) -> None:
    statuses: list[int] = []
    with drill.own_volume() as volume:

        def ask(number: int) -> None:
            devices = drill.given_volume(volume)
            statuses.append(drill.ask(f"race-{number}", block_device_mapping_v2=devices).status_code)

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        assert statuses.count(202) == 1
        assert set(statuses) <= {202, 400, 409}
        (server,) = drill.all_servers()
        drill.running(server["id"])
        drill.delete(server["id"])


def test_concurrent_requests_for_one_port_give_it_to_one(drill: Drill) -> None:
    accepted: list[str] = []
    with drill.own_port() as port:

        def ask(number: int) -> None:
            reply = drill.ask(f"race-{number}", networks=[{"port": port}])
            assert reply.status_code in (202, 400, 409)
            if reply.status_code == 202:
                accepted.append(reply.json()["server"]["id"])

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        ended = [drill.ended(server) for server in accepted]
        running = [server for server in ended if server["status"] == "ACTIVE"]
        assert len(running) == 1
        assert all("is still in use" in server["fault"]["message"] for server in ended if server not in running)
        owner = drill.admin.network.get(f"/v2.0/ports/{port}").json()["port"]["device_id"]
        assert owner == running[0]["id"]
        for server in accepted:
            drill.delete(server)
