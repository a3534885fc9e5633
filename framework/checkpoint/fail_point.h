#pragma once

#include <array>
#include <functional>
#include <string_view>

namespace outrigger {

// Moments of a checkpoint at which a test kills the process. The list is what a test walks; a name
// that the code passes and the list lacks, or the other way round, fails that test.
inline constexpr std::array kFailPoints = {
    std::string_view("file created"),           // empty, as the manifest is at first
    std::string_view("file written"),           // not yet on the disk
    std::string_view("part begun"),             // nothing of it is written
    std::string_view("part written"),           // not yet on the disk
    std::string_view("part synced"),            // its name not yet on the disk
    std::string_view("commit begun"),           // all parts are whole
    std::string_view("manifest written"),       // the folder is whole under its temporary name
    std::string_view("folders synced"),         // the names in it are on the disk
    std::string_view("renamed"),                // the new name not yet on the disk
    std::string_view("committed"),              // from here on the new checkpoint counts
    std::string_view("old checkpoint hidden"),  // renamed so that nobody finds it
    std::string_view("old file removed"),       // the rest of the folder is still there
    std::string_view("cleaned"),                // nothing but whole checkpoints is left
};

// Nothing, unless a test has set a hook in this process: then the hook is called with the name.
void pass_fail_point(std::string_view name);

// For tests only. An empty hook removes it. Not while another thread writes a checkpoint.
void set_fail_point_hook(std::function<void(std::string_view)> hook);

}  // namespace outrigger
