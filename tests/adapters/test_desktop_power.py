"""Where the power comes from and who keeps the processors busy is read right, from files as kernels write them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from dbus_fast import Message, Variant

from safelight.desktop.bus import Bus
from safelight.desktop.power import PowerSupply, Processors
from safelight.desktop.power_bus import LOGIND, PROFILES, PowerBus
from safelight.domain.restraint import Load, Power
from tests.adapters.bus_scene import played, private_bus, reached
from tests.fakes.bus import missing, until
from tests.fakes.bus_services import NEVER, FakeService

needs_bus = pytest.mark.skipif(bool(missing("dbus-daemon")), reason=missing("dbus-daemon"))


def supply(folder: Path, name: str, **told: str) -> None:
    (folder / name).mkdir(parents=True)
    for file, text in told.items():
        (folder / name / file).write_text(f"{text}\n")


def battery(folder: Path, name: str = "BAT0", **told: str) -> None:
    usual = {"type": "Battery", "present": "1", "status": "Discharging", "capacity": "50"}
    supply(folder, name, **(usual | told))


def power(tmp_path: Path, **saver: bool | None) -> Power:
    return PowerSupply(supplies=tmp_path / "supply", profile=tmp_path / "profile").read(**saver)


def test_computer_without_files_of_power_is_plugged_in(tmp_path):
    assert power(tmp_path) == Power(on_battery=False, percent=None, saver=False)


def test_laptop_that_is_plugged_in(tmp_path):
    battery(tmp_path / "supply", status="Charging", capacity="20")
    supply(tmp_path / "supply", "AC", type="Mains", online="1")
    assert power(tmp_path) == Power(on_battery=False, percent=20, saver=False)


def test_laptop_on_battery(tmp_path):
    battery(tmp_path / "supply", capacity="20")
    supply(tmp_path / "supply", "AC", type="Mains", online="0")
    assert power(tmp_path) == Power(on_battery=True, percent=20, saver=False)


def test_one_plug_of_several_is_enough(tmp_path):
    battery(tmp_path / "supply", status="Not charging")
    supply(tmp_path / "supply", "AC", type="Mains", online="0")
    supply(tmp_path / "supply", "ucsi-1", type="USB", online="1")
    assert not power(tmp_path).on_battery


def test_battery_without_a_plug_that_is_known_says_itself_whether_it_is_used(tmp_path):
    battery(tmp_path / "supply")
    assert power(tmp_path).on_battery
    (tmp_path / "supply/BAT0/status").write_text("Full\n")
    assert not power(tmp_path).on_battery


def test_battery_of_a_mouse_is_not_the_computers(tmp_path):
    battery(tmp_path / "supply", "hidpp_battery_0", scope="Device", capacity="3")
    assert power(tmp_path) == Power()


def test_two_batteries_count_by_what_they_hold(tmp_path):
    battery(tmp_path / "supply", "BAT0", energy_now="5000000", energy_full="10000000", capacity="50")
    battery(tmp_path / "supply", "BAT1", energy_now="30000000", energy_full="30000000", capacity="100")
    assert power(tmp_path).percent == pytest.approx(87.5)


def test_battery_that_was_taken_out_does_not_count(tmp_path):
    battery(tmp_path / "supply", "BAT0", capacity="80")
    battery(tmp_path / "supply", "BAT1", present="0", capacity="0")
    assert power(tmp_path).percent == 80


def test_nonsense_of_a_battery_does_not_stop_the_work(tmp_path):
    battery(tmp_path / "supply", capacity="\xff?", energy_full="0", status="Unknown")
    assert power(tmp_path) == Power(on_battery=False, percent=0, saver=False)


def test_saving_power_is_told_by_the_desktop_or_else_by_the_kernel(tmp_path):
    (tmp_path / "profile").write_text("low-power\n")
    assert power(tmp_path).saver
    assert not power(tmp_path, saver=False).saver
    (tmp_path / "profile").write_text("balanced\n")
    assert not power(tmp_path).saver
    assert power(tmp_path, saver=True).saver


class Kernel:
    """Files of /proc with one processor's time, of which some is ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_s = 100.0
        self.ticks = dict.fromkeys(("user", "nice", "system", "idle", "iowait", "irq", "softirq"), 0)
        self.own = 0
        (folder / "pressure").mkdir(parents=True)
        (folder / str(os.getpid()) / "task" / "1").mkdir(parents=True)
        self.write()

    def write(self, *, pressed: float | None = 0.0, average: float = 0.0) -> None:
        columns = " ".join(str(each) for each in self.ticks.values())
        (self.folder / "stat").write_text(f"cpu  {columns} 0 0 0\ncpu0 {columns} 0 0 0\n")
        (self.folder / "loadavg").write_text(f"{average:.2f} 0.10 0.10 1/100 1\n")
        pressure = self.folder / "pressure" / "cpu"
        pressure.unlink(missing_ok=True)
        if pressed is not None:
            pressure.write_text(f"some avg10={pressed:.2f} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 total=0\n")
        own = self.folder / str(os.getpid())
        (own / "stat").write_text(f"7 (odd ) name () S {'0 ' * 10}{self.own} 0 0 0 20 0\n")
        (own / "task" / "1" / "children").write_text("8 \n")
        (self.folder / "8" / "task").mkdir(parents=True, exist_ok=True)
        (self.folder / "8" / "stat").write_text(f"8 (worker) S {'0 ' * 10}0 0 0 0 20 0\n")

    def processors(self) -> Processors:
        return Processors(proc=self.folder, monotonic=lambda: self.now_s)


@pytest.fixture
def kernel(tmp_path) -> Kernel:
    return Kernel(tmp_path / "proc")


def test_our_own_work_is_no_work_of_others(kernel):
    processors = kernel.processors()
    processors.read()
    kernel.now_s += 10
    kernel.ticks |= {"nice": 900, "user": 50, "idle": 50}
    kernel.own = 900
    kernel.write(pressed=80)
    assert processors.read() == Load(others=pytest.approx(0.05), pressed=pytest.approx(0.8))


def test_work_of_others_is_seen(kernel):
    processors = kernel.processors()
    processors.read()
    kernel.now_s += 10
    kernel.ticks |= {"user": 600, "system": 200, "nice": 100, "idle": 100}
    kernel.own = 100
    kernel.write(pressed=35)
    assert processors.read().others == pytest.approx(0.8)


def test_waiting_for_a_disk_is_no_work(kernel):
    processors = kernel.processors()
    processors.read()
    kernel.now_s += 10
    kernel.ticks |= {"iowait": 900, "idle": 100}
    kernel.write()
    assert processors.read().others == 0


def test_first_look_and_one_after_a_long_time_go_by_the_load_average(kernel):
    kernel.write(average=1000)
    processors = kernel.processors()
    assert processors.read().others == 1
    kernel.now_s += 3600
    kernel.ticks |= {"idle": 360_000}
    kernel.write(average=0)
    assert processors.read().others == 0


def test_look_that_follows_at_once_repeats_the_one_before(kernel):
    processors = kernel.processors()
    processors.read()
    kernel.now_s += 10
    kernel.ticks |= {"user": 700, "idle": 300}
    kernel.write()
    assert processors.read().others == pytest.approx(0.7)
    kernel.now_s += 0.01
    kernel.ticks |= {"idle": 301}
    kernel.write()
    assert processors.read().others == pytest.approx(0.7)


def test_kernel_without_pressure_or_any_file_is_idle(kernel, tmp_path):
    kernel.write(pressed=None)
    assert kernel.processors().read() == Load(others=0, pressed=None)
    assert Processors(proc=tmp_path / "nothing").read() == Load()


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="needs the files of a Linux kernel")
def test_real_child_that_works_is_counted_as_ours():
    processors = Processors()
    before = processors._own()
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
        try:
            until(lambda: processors._own() > before + 10, told="the child's time")
        finally:
            child.kill()
    # It stays counted when it has ended.
    assert processors._own() > before + 10
    load = processors.read()
    assert 0 <= load.others <= 1


def profiles(name: str, profile: str) -> FakeService:
    return FakeService(name, lambda message: ("v", [Variant("s", profile)]) if message.member == "Get" else NEVER)


@needs_bus
@pytest.mark.parametrize(("name", "path"), PROFILES, ids=["new", "old"])
def test_saving_power_is_followed_without_asking_twice(name, path):
    async def scene(address: str) -> None:
        service = await profiles(name, "power-saver").start(address)
        changes: list[bool | None] = []
        bus = Bus(address=lambda: address)
        power = PowerBus(bus=bus, changed=lambda: changes.append(power.saver))
        bus.start()
        await reached(lambda: changes == [True])
        changed = [name, {"ActiveProfile": Variant("s", "balanced")}, []]
        await service.signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", changed)
        await reached(lambda: changes == [True, False])
        assert len(service.calls) == 1
        await service.stop()
        await reached(lambda: changes == [True, False, None])
        await bus.close()

    with private_bus() as private:
        private.start()
        played(lambda: scene(private.address))


@needs_bus
def test_sleep_and_waking_are_told_and_only_by_logind():
    async def scene(address: str) -> None:
        logind = await FakeService(LOGIND, lambda _message: NEVER).start(address)
        stranger = await FakeService("org.example.Stranger", lambda _message: NEVER).start(address)
        told: list[str] = []
        bus = Bus(address=lambda: address)
        power = PowerBus(bus=bus, slept=lambda: told.append("slept"), woke=lambda: told.append("woke"))
        bus.start()
        await reached(lambda: bus.owner(LOGIND))
        at = ("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep")
        forged = Message.new_signal(*at, "b", [True])
        forged.destination = bus._link.unique_name
        await stranger.send(forged)
        for asleep in (True, False):
            await logind.signal(*at, "b", [asleep])
        await reached(lambda: len(told) >= 2)
        assert told == ["slept", "woke"]
        assert power.saver is None
        await bus.close()

    with private_bus() as private:
        private.start()
        played(lambda: scene(private.address))
