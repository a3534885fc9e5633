#include <outrigger/framework/launch/exit_code.h>

namespace outrigger {

int exit_code_of(Code code) {
  switch (code) {
    case Code::kOk:
      return kExitDone;
    case Code::kInvalidArgument:
    case Code::kFailedPrecondition:
      return kExitWrongInput;
    case Code::kNotFound:
    case Code::kPermissionDenied:
    case Code::kResourceExhausted:
      return kExitMachineLacks;
    default:
      return kExitFailed;
  }
}

}  // namespace outrigger
